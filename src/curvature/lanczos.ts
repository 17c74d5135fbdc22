import { SaltflatError } from '../errors.ts'
import { type Lanczos, loadBinding, typed } from '../native/index.ts'
import { invalid } from '../options.ts'
import { Turns } from '../turns.ts'
import { checked, type Operator } from './operator.ts'
import type { ProbeDistribution } from './probes.ts'

/** Stream of Lanczos starts; see the design's table of streams. */
const stream = 3

/** How a run is watched and ended. */
export interface RunOptions {
  /** Ends the run at the next product. */
  signal?: AbortSignal
  /** Told after each product. */
  onProgress?: (progress: Progress) => void
}

/** How far a run has come. */
export interface Progress {
  /** Products taken. */
  readonly done: number
  /** Products at most. */
  readonly total: number
  /** Milliseconds that the rest would take at this pace. */
  readonly etaMs: number
}

/** The projected matrix after some steps: α on the diagonal, β beside it. */
export interface Projected {
  readonly alphas: number[]
  /** One for each step; the last is the norm of what is left, 0 where nothing is. */
  readonly betas: number[]
}

/** How a run starts. */
export interface StartOptions {
  readonly seed: number
  readonly index: number
  /** Whether the basis stays. */
  readonly keep: boolean
  /** Elements of the start. Default 'gaussian': a direction uniform on the sphere. */
  readonly distribution?: ProbeDistribution
}

/** A run of the iteration on an operator, from start number `index` of a seed. */
export class LanczosRun implements Projected {
  readonly alphas: number[] = []
  readonly betas: number[] = []
  readonly #operator: Operator
  readonly #native: Lanczos

  constructor(operator: Operator, options: StartOptions) {
    const { seed, index, keep, distribution = 'gaussian' } = options
    this.#operator = operator
    const { Lanczos, sample } = loadBinding()
    this.#native = typed(() => new Lanczos(operator.size, keep))
    try {
      typed(() => this.#native.start(sample(seed, distribution, stream, 0, index, 0, operator.size)))
    } catch (error) {
      this.#native.dispose()
      throw error
    }
  }

  /** Whether the space is spanned: there is no further step. */
  get ended(): boolean {
    return this.betas.at(-1) === 0
  }

  /** Bytes of native memory held. */
  get bytes(): number {
    return this.#native.bytes
  }

  /** One product and one step. */
  async step(): Promise<void> {
    // What the operator throws is its own.
    const found = await this.#operator.matvec(typed(() => this.#native.vector()))
    const product = checked(found, this.#operator.size)
    const [alpha, beta] = typed(() => this.#native.step(product)) as [number, number]
    this.alphas.push(alpha)
    this.betas.push(beta)
  }

  /** Σ cᵢ·vᵢ over the kept basis. */
  combine(coefficients: readonly number[]): Float32Array {
    return typed(() => this.#native.combine([...coefficients]))
  }

  dispose(): void {
    this.#native.dispose()
  }
}

/** Eigenvalues of the projected matrix, ascending, and a row of entries of each eigenvector. */
export function ritz(
  { alphas, betas }: Projected,
  rows: 'first' | 'ends' | 'all',
): { values: number[]; row(i: number): number[] } {
  const { tridiagonalEigen } = loadBinding()
  const { values, vectors, rows: count } = typed(() => tridiagonalEigen([...alphas], betas.slice(0, -1), rows))
  return { values, row: (i) => vectors.slice(i * count, (i + 1) * count) }
}

/** Tells who watches, and ends a run whose signal says so; `partial` is what there is by then. */
export class Watch<T> {
  readonly #options: RunOptions
  readonly #total: number
  readonly #begun = performance.now()
  readonly #turns = new Turns()
  #done = 0

  constructor(options: RunOptions, total: number) {
    const { signal, onProgress } = options
    if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw invalid('an AbortSignal for signal', signal)
    if (onProgress !== undefined && typeof onProgress !== 'function') {
      throw invalid('a function for onProgress', onProgress)
    }
    this.#options = options
    this.#total = total
  }

  /** To be asked before each product. */
  async check(partial: () => T | null): Promise<void> {
    // A product is done at once: without a turn no signal would ever fire.
    await this.#turns.take()
    const { signal } = this.#options
    if (signal?.aborted) throw new AbortedError(partial(), this.#done, signal)
  }

  /** To be told after each product. */
  tick(): void {
    this.#done++
    const each = (performance.now() - this.#begun) / this.#done
    const [done, total] = [this.#done, this.#total]
    this.#options.onProgress?.({ done, total, etaMs: each * (total - done) })
  }
}

/** A run that its signal ended. */
export class AbortedError<T = unknown> extends SaltflatError {
  /** What there is; null where that is nothing yet. */
  readonly partial: T | null

  constructor(partial: T | null, done: number, { reason }: AbortSignal) {
    super('ERR_ABORTED', `The run was ended by its signal after ${done} products.`, { cause: reason })
    this.partial = partial
  }
}
