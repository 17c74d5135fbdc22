import { SaltflatError } from '../errors.ts'
import { invalid, whole } from '../options.ts'

/** A vector of a run: what an operator multiplies is f32, sums are f64. */
export type RunVector = Float32Array | Float64Array

/** All that a run is at a moment between two products. */
export interface RunState {
  /** Which function's run it is, with what options on how many elements. */
  readonly kind: string
  /** Where it stands, in plain values that JSON takes to the bit. */
  readonly at: unknown
  /** The vectors that it holds, of f32 or, for `diagonal`, of f64: they come back as what they were. */
  readonly vectors: readonly RunVector[]
}

/** Where a long run is kept, so that it goes on after a kill. */
export interface RunStore {
  /** Products from one save to the next: a whole number ≥ 1. */
  readonly every: number
  /** What was saved last; null where nothing has been. */
  load(): RunState | null | Promise<RunState | null>
  /** Keeps this in place of what was saved before. */
  save(state: RunState): void | Promise<void>
}

/**
 * Loads and saves one run, where there is a store. `settings` are what must be the same when it goes on; its vectors are of
 * the type `array`.
 */
export class Saves<T, V extends RunVector = Float32Array> {
  readonly #store: RunStore | undefined
  readonly #kind: string
  readonly #array: string
  #last = -1

  constructor(
    store: RunStore | undefined,
    name: string,
    settings: object,
    array: 'Float32Array' | 'Float64Array' = 'Float32Array',
  ) {
    if (store !== undefined) {
      const { load, save, every } = (store ?? {}) as Partial<RunStore>
      if (typeof load !== 'function' || typeof save !== 'function') {
        throw invalid("a store such as runFile('run.safetensors') for checkpoint", store)
      }
      whole('every of the checkpoint', every, 1, Number.MAX_SAFE_INTEGER)
    }
    this.#store = store
    this.#kind = `${name} ${JSON.stringify(settings)}`
    this.#array = array
  }

  /** Where the run stood, and its vectors; null for a new one. */
  async load(): Promise<{ at: T; vectors: V[] } | null> {
    const found = (await this.#store?.load()) ?? null
    if (found === null) return null
    const { kind, at, vectors } = found
    if (kind !== this.#kind) {
      throw new SaltflatError(
        'ERR_STATE',
        `Expected a run of ${this.#kind} in the checkpoint, received one of ${kind}. Give it a checkpoint of its own, or remove the old one.`,
      )
    }
    // By its tag, for `instanceof` denies an array of another realm.
    const fits = (one: unknown) => ArrayBuffer.isView(one) && (one as Partial<V>)[Symbol.toStringTag] === this.#array
    if (!Array.isArray(vectors) || !vectors.every(fits)) {
      throw invalid(`${this.#array}s for the vectors of the checkpoint`, vectors)
    }
    return { at: at as T, vectors: vectors as unknown as V[] }
  }

  /** After `done` products: saves if that is due, or `now`. */
  async keep(done: number, state: () => { at: T; vectors: V[] }, now = false): Promise<void> {
    const store = this.#store
    if (store === undefined || done === 0 || done === this.#last || !(now || done % store.every === 0)) return
    this.#last = done
    await store.save({ kind: this.#kind, ...state() })
  }
}
