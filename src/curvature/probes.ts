import { SaltflatError } from '../errors.ts'
import { type Basis, loadBinding, typed } from '../native/index.ts'
import { dot } from './dot.ts'
import { type Block, checked, type Operator } from './operator.ts'

/** Stream of trace probes; see the design's table of streams. */
const stream = 2
/** Places of the counter in it: one a purpose. */
const purposes = { probe: 0, sketch: 1 }

/** Shape of a probe's elements: ±1, or normal. */
export type ProbeDistribution = 'rademacher' | 'gaussian'

/** Random vectors z with E zzᵀ = I, each a function of (seed, purpose, index) alone. */
export class Probes {
  readonly #seed: number
  readonly #distribution: ProbeDistribution
  readonly #size: number
  readonly #basis: Basis | undefined

  /** With a basis they are drawn where it lies. */
  constructor(seed: number, distribution: ProbeDistribution, size: number, basis?: Basis) {
    this.#seed = seed
    this.#distribution = distribution
    this.#size = size
    this.#basis = basis
  }

  at(index: number, purpose: keyof typeof purposes = 'probe'): Float32Array {
    return this.#drawn(index, purpose, false)
  }

  /** What of a probe is orthogonal to the basis. */
  left(index: number): Float32Array {
    return this.#drawn(index, 'probe', true)
  }

  #drawn(index: number, purpose: keyof typeof purposes, clear: boolean): Float32Array {
    const [seed, distribution, basis, step] = [this.#seed, this.#distribution, this.#basis, purposes[purpose]]
    if (basis !== undefined) return typed(() => basis.draw(seed, distribution, stream, step, index, clear))
    const { sample } = loadBinding()
    return typed(() => sample(seed, distribution, stream, step, index, 0, this.#size))
  }
}

/** The operator's blocks, or one that is all of it. */
export function namedBlocks({ size, blocks = [{ name: 'all', size }] }: Operator): readonly Block[] {
  return blocks
}

/** A·v if it is one. What the operator throws is its own. */
export async function productOf(operator: Operator, v: Float32Array): Promise<Float32Array> {
  return checked(await operator.matvec(v), operator.size)
}

/** v·w in each block. */
export function blockDots(blocks: readonly Block[], v: Float32Array, w: Float32Array): number[] {
  let start = 0
  const dots = blocks.map(({ size }) => {
    start += size
    return dot(v, w, start - size, start)
  })
  if (!dots.every(Number.isFinite)) throw productNotFinite()
  return dots
}

/** The refusal of a product with NaN or Infinity in it. */
export function productNotFinite(): SaltflatError {
  return new SaltflatError('ERR_NOT_FINITE', 'Expected a finite product, received NaN or Infinity in it.')
}
