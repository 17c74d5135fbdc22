import { SaltflatError } from '../errors.ts'
import type { Fill, Store } from './store.ts'
import type { Gradients, Target } from './target.ts'

/** Name of the one tensor, as filters and messages know it. */
const name = 'x'

/**
 * A flat vector of floats, without tfjs: one tensor, number 0, whose values W' are an array of its own. The array it is
 * made from is only read.
 */
export class Vector implements Target<Float32Array>, Store<Float32Array> {
  readonly name = 'vector'
  readonly tensors: readonly [{ readonly name: string; readonly size: number }]
  /** One list for good: a step makes no new ones. */
  readonly #values: [Float32Array]
  /** The same where nobody else writes or transfers it: a gradient function may use its argument as it likes. */
  readonly #written: [Float32Array]
  readonly #gradients: [Float32Array | null] = [null]
  #changed = false

  constructor(start: Float32Array) {
    this.tensors = [{ name, size: start.length }]
    this.#values = [new Float32Array(start)]
    this.#written = [new Float32Array(start)]
  }

  /** W' now. */
  get current(): Float32Array {
    return this.#values[0]
  }

  check(): void {}

  checkAlive(): void {}

  holds(other: Target<unknown>): boolean {
    return other instanceof Vector && other.tensors[0].size === this.tensors[0].size
  }

  follow(other: Target<unknown>): void {
    if (other === this) return
    if (!this.holds(other)) {
      const [expected, received] = [`a vector of ${this.tensors[0].size} elements`, described(other)]
      throw new SaltflatError(
        'ERR_STATE',
        `Expected ${expected}, as at this optimizer's first step, received ${received}. Make a new optimizer for it.`,
      )
    }
    this.write(([values]) => values!.set((other as Vector).current))
    this.#changed = true
  }

  place(): unknown {
    return null
  }

  open(): this {
    return this
  }

  release(): void {}

  changed(): boolean {
    return this.#changed
  }

  read(): Float32Array[] {
    this.#changed = false
    return this.#values
  }

  written(): Float32Array[] {
    return this.#written
  }

  write(fill: Fill): void {
    fill(this.#written, null, () => null)
    // Somebody may have transferred its memory away.
    if (this.current.length === this.#written[0].length) this.current.set(this.#written[0])
    else this.#values[0] = this.#written[0].slice()
  }

  values([gradient]: Gradients<Float32Array>): (Float32Array | null)[] {
    // ∇f(x) = x may be x itself, which is about to be overwritten.
    this.#gradients[0] = gradient?.buffer === this.current.buffer ? gradient.slice() : (gradient ?? null)
    return this.#gradients
  }
}

function described(other: Target<unknown>): string {
  return other instanceof Vector ? `one of ${other.tensors[0].size}` : 'tf.Variables'
}
