import { SaltflatError } from '../errors.ts'
import { openStore } from './registry.ts'
import type { Store } from './store.ts'
import { checkVariables, type Variable, Variables } from './variables.ts'

/**
 * Variables that go elsewhere for as long as a function runs, and are back, bit for bit, when it has ended. Whoever gets
 * a turn in between (a timer, a server) finds them as they were.
 */
export class Excursion {
  /** W, copied when the excursion was made. */
  readonly weights: readonly Float32Array[]
  readonly #target: Variables
  #store: Store
  #place: unknown

  constructor(variables: readonly Variable[]) {
    checkVariables(variables)
    this.#target = new Variables(variables)
    this.#place = this.#target.place()
    this.#store = openStore(variables)
    this.weights = this.#store.read().map((values) => values.slice())
  }

  /** Runs `f` at these values. Throws ERR_STATE, with nothing touched, where somebody has set other weights meanwhile. */
  at<T>(values: readonly Float32Array[], f: () => T): T {
    this.#target.checkAlive()
    this.#followMove()
    this.#refuseChange()
    try {
      this.#write(values)
      return f()
    } finally {
      this.#followMove()
      this.#write(this.weights)
    }
  }

  #write(values: readonly Float32Array[]): void {
    this.#store.write((out) => {
      for (const [i, one] of values.entries()) out[i]!.set(one)
    })
  }

  /** Opens the store anew where the values have moved to another backend. */
  #followMove(): void {
    const place = this.#target.place()
    if (place === this.#place) return
    this.#store = openStore(this.#target.tensors)
    this.#place = place
  }

  #refuseChange(): void {
    for (const [i, now] of this.#store.read().entries()) {
      if (bytes(now).equals(bytes(this.weights[i]!))) continue
      throw new SaltflatError(
        'ERR_STATE',
        `Expected weights that stay as they are while they are measured, received another '${this.#target.tensors[i]!.name}'. Await the measurement before you train on.`,
      )
    }
  }
}

const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength)
