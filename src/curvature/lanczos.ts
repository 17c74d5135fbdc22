import { SaltflatError } from '../errors.ts'
import { fromNative, type Lanczos, loadBinding } from '../native/index.ts'
import { checked, type Operator } from './operator.ts'

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

/** A run of the iteration on an operator, from start number `index` of a seed. */
export class LanczosRun implements Projected {
  readonly alphas: number[] = []
  readonly betas: number[] = []
  readonly #operator: Operator
  readonly #native: Lanczos

  constructor(operator: Operator, { seed, index, keep }: { seed: number; index: number; keep: boolean }) {
    this.#operator = operator
    const { Lanczos, sample } = loadBinding()
    try {
      this.#native = new Lanczos(operator.size, keep)
      this.#native.start(sample(seed, 'gaussian', stream, 0, index, 0, operator.size))
    } catch (error) {
      throw fromNative(error)
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
    const { size } = this.#operator
    try {
      const product = checked(await this.#operator.matvec(this.#native.vector()), size)
      const [alpha, beta] = this.#native.step(product) as [number, number]
      this.alphas.push(alpha)
      this.betas.push(beta)
    } catch (error) {
      throw fromNative(error)
    }
  }

  /** Σ cᵢ·vᵢ over the kept basis. */
  combine(coefficients: readonly number[]): Float32Array {
    return this.#native.combine([...coefficients])
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
  const { values, vectors, rows: count } = loadBinding().tridiagonalEigen([...alphas], betas.slice(0, -1), rows)
  return { values, row: (i) => vectors.slice(i * count, (i + 1) * count) }
}

/** Tells who watches, and ends a run whose signal says so; `partial` is what there is by then. */
export class Watch<T> {
  readonly #options: RunOptions
  readonly #total: number
  readonly #begun = performance.now()
  #done = 0

  constructor(options: RunOptions, total: number) {
    this.#options = options
    this.#total = total
  }

  /** To be asked before each product. */
  check(partial: () => T | null): void {
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
