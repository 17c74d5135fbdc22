import { SaltflatError } from '../errors.ts'
import { type Lanczos, type LanczosState, loadBinding, typed } from '../native/index.ts'
import { invalid } from '../options.ts'
import { Turns } from '../turns.ts'
import type { Device } from '../types.ts'
import { checked, type Operator } from './operator.ts'
import type { ProbeDistribution } from './probes.ts'
import type { RunStore } from './run-store.ts'

/** Stream of Lanczos starts; see the design's table of streams. */
const stream = 3

/** How a run is watched and ended. */
export interface RunOptions {
  /** Ends the run at the next product. */
  signal?: AbortSignal
  /** Told after each product, or what else the run counts. */
  onProgress?: (progress: Progress) => void
}

/** How a run that lasts is kept. */
export interface LongRunOptions extends RunOptions {
  /** Where the run is saved as it goes, and goes on from if it is there: `runFile(path)`, or a store of your own. */
  checkpoint?: RunStore
}

/** How far a run has come. */
export interface Progress {
  /** Products taken, or what else the run counts. */
  readonly done: number
  /** How many there are at most. */
  readonly total: number
  /** Milliseconds that the rest would take at this pace. */
  readonly etaMs: number
}

/** The projected matrix after some steps: α on the diagonal, β beside it. */
export interface Projected {
  readonly alphas: readonly number[]
  /** One for each step; the last is the norm of what is left, 0 where nothing is. */
  readonly betas: readonly number[]
}

/** Where a run stands: the numbers of it, and its vectors. */
export interface LanczosMoment {
  readonly numbers: LanczosState
  readonly vectors: Float32Array[]
}

/** Runs of the iteration on an operator, one after the other; their starts are functions of a seed. */
export class LanczosRun {
  readonly #operator: Operator
  readonly #native: Lanczos
  /** What the operator is handed, product after product: at millions of elements new memory takes as long as a pass. */
  readonly #vector: Float32Array
  #ended = false

  /** `keep`: the basis stays orthogonal; of `vectors` at most. */
  constructor(operator: Operator, { keep, vectors, device }: { keep: boolean; vectors: number; device: Device }) {
    this.#operator = operator
    this.#vector = new Float32Array(operator.size)
    const { Lanczos } = loadBinding()
    this.#native = typed(() => new Lanczos(operator.size, keep, { device }, vectors))
  }

  /**
   * Begins anew from start number `index` of a seed, orthogonal to what is locked: by default in a direction uniform on
   * the sphere.
   */
  start(seed: number, index: number, distribution: ProbeDistribution = 'gaussian'): void {
    typed(() => this.#native.startDrawn(seed, distribution, stream, index))
    this.#ended = false
  }

  /** Begins anew from a direction of the caller's. */
  startFrom(direction: Float32Array): void {
    typed(() => this.#native.start(direction))
    this.#ended = false
  }

  /** Whether the space of this start is spanned: there is no further step. */
  get ended(): boolean {
    return this.#ended
  }

  /** Bytes held, on the host and on the GPU. */
  get bytes(): number {
    return this.#native.bytes
  }

  /** Vectors that one of the basis takes in memory, with the copy beside a long one. */
  get vectorsARow(): number {
    return this.#native.vectorsARow
  }

  /** The projected matrix of a run that was never restarted. */
  get projected(): Projected {
    return typed(() => this.#native.state())
  }

  /** One product and one step. */
  async step(): Promise<void> {
    // What the operator throws is its own.
    typed(() => this.#native.read(this.#vector))
    const found = await this.#operator.matvec(this.#vector)
    const product = checked(found, this.#operator.size)
    const [, beta] = typed(() => this.#native.step(product)) as [number, number]
    this.#ended = beta === 0
  }

  /** Ritz values of this start, ascending, and a bound on the residual of each. */
  ritz(): { values: number[]; residuals: number[] } {
    return typed(() => this.#native.ritz())
  }

  /** Goes on from the Ritz vectors at these places alone. */
  restart(kept: readonly number[]): void {
    typed(() => this.#native.restart(ascending(kept)))
  }

  /** Sets Ritz vectors apart, behind those of the locked ones that stay so; both in ascending order of place. */
  lock(stay: readonly number[], kept: readonly number[]): void {
    typed(() => this.#native.lock(ascending(stay), ascending(kept)))
  }

  /** A copy of a locked vector. */
  locked(place: number): Float32Array {
    return typed(() => this.#native.basis(place))
  }

  /** All that the run is. */
  moment(): LanczosMoment {
    return typed(() => {
      const numbers = this.#native.state()
      return { numbers, vectors: Array.from({ length: numbers.vectors }, (_, i) => this.#native.basis(i)) }
    })
  }

  /** Stands where a run stood. */
  restore({ numbers, vectors }: LanczosMoment): void {
    typed(() => this.#native.restore(numbers, vectors))
    this.#ended = numbers.betas.at(-1) === 0
  }

  dispose(): void {
    this.#native.dispose()
  }
}

function ascending(places: readonly number[]): number[] {
  return places.toSorted((a, b) => a - b)
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

/** What a run has behind it when it begins, and what it counts. */
interface Counted {
  readonly done?: number
  readonly unit?: string
}

/** Tells who watches, and ends a run whose signal says so; `partial` is what there is by then. */
export class Watch<T> {
  readonly #options: RunOptions
  readonly #total: number
  readonly #begun = performance.now()
  readonly #turns = new Turns()
  readonly #before: number
  readonly #unit: string
  #done: number

  /** `done`: products of a run that this one goes on with; `unit`: what is counted, if not products. */
  constructor(options: RunOptions, total: number, { done = 0, unit = 'products' }: Counted = {}) {
    const { signal, onProgress } = options
    if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw invalid('an AbortSignal for signal', signal)
    if (onProgress !== undefined && typeof onProgress !== 'function') {
      throw invalid('a function for onProgress', onProgress)
    }
    this.#options = options
    this.#total = total
    this.#before = done
    this.#unit = unit
    this.#done = done
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return performance.now() - this.#begun
  }

  /** To be asked before each product; `last` is awaited before a signal ends the run. */
  async check(partial: () => T | null, last?: () => Promise<void>): Promise<void> {
    // A product is done at once: without a turn no signal would ever fire.
    await this.#turns.take()
    const { signal } = this.#options
    if (!signal?.aborted) return
    await last?.()
    throw new AbortedError(partial(), this.#done, signal, this.#unit)
  }

  /** A product; one that the operator's own signal ends, ends the run as its own would. */
  async during<R>(product: () => R | Promise<R>, partial: () => T | null, last?: () => Promise<void>): Promise<R> {
    try {
      return await product()
    } catch (error) {
      if (!(error instanceof AbortedError)) throw error
      await last?.()
      throw new AbortedError(partial(), this.#done, { reason: error.cause }, this.#unit)
    }
  }

  /** To be told after each product. */
  tick(): void {
    this.#done++
    const each = this.elapsed / (this.#done - this.#before)
    const [done, total] = [this.#done, this.#total]
    this.#options.onProgress?.({ done, total, etaMs: each * (total - done) })
  }
}

/** A run that its signal ended. */
export class AbortedError<T = unknown> extends SaltflatError {
  /** What there is; null where that is nothing yet. */
  readonly partial: T | null

  constructor(partial: T | null, done: number, { reason }: Pick<AbortSignal, 'reason'>, unit = 'products') {
    super('ERR_ABORTED', `The run was ended by its signal after ${done} ${unit}.`, { cause: reason })
    this.partial = partial
  }
}
