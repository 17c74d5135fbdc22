import { loadBinding, typed } from '../native/index.ts'
import type { Block, Operator } from './operator.ts'
import { blockDots, namedBlocks, type Probes } from './probes.ts'

type Product = (v: Float32Array) => Promise<Float32Array>

/** An orthonormal basis Q of the range of A·S, S some random vectors: where A is large. */
export class Sketch {
  readonly #basis: InstanceType<ReturnType<typeof loadBinding>['Basis']>
  readonly #blocks: readonly Block[]
  readonly #size: number
  #count = 0

  constructor(operator: Operator) {
    const { Basis } = loadBinding()
    this.#basis = typed(() => new Basis(operator.size))
    this.#blocks = namedBlocks(operator)
    this.#size = operator.size
  }

  /** Takes up to so many directions; tr of the blocks of A·QQᵀ. Two products each, or one where a direction is not new. */
  async take(random: Probes, directions: number, product: Product): Promise<readonly number[]> {
    const sums = this.#blocks.map(() => 0)
    for (let index = 0; index < directions && !this.spans; index++) {
      const probe = random.at(index, 'sketch')
      const ranged = await product(probe)
      blockDots(this.#blocks, probe, ranged) // Refuses what is not finite.
      if (!typed(() => this.#basis.add(ranged))) continue
      const q = typed(() => this.#basis.vector(this.#count))
      this.#count++
      for (const [i, dot] of blockDots(this.#blocks, q, await product(q)).entries()) sums[i]! += dot
    }
    return sums
  }

  /** Whether Q is everything, and nothing is left. */
  get spans(): boolean {
    return this.#count === this.#size
  }

  /** (I − QQᵀ)z */
  remove(z: Float32Array): Float32Array {
    return typed(() => this.#basis.remove(z))
  }

  /** Bytes of native memory held. */
  get bytes(): number {
    return this.#basis.bytes
  }

  dispose(): void {
    this.#basis.dispose()
  }
}
