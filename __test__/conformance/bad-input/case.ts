import { inspect } from 'node:util'
import type { ErrorCode } from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'

/** A refusal, or that it simply works: then the case itself asserts what comes, by throwing where it does not. */
export type Outcome = ErrorCode | 'works'

/** One bad input. */
export interface Case {
  /** The public function, method or native export that gets it. */
  readonly of: string
  /** What is wrong with it. */
  readonly what: string
  readonly outcome: Outcome
  /** What the message must say besides; by default `Expected …, received ….` */
  readonly message?: RegExp
  /** A backend that cannot make what the case needs. */
  readonly except?: string
  /** Tensors that the case itself takes away, such as a weight that the loss disposes. */
  readonly lost?: number
  /** Makes what the call needs, in a scope of its own, and gives the call. */
  given(world: World): (() => unknown) | Promise<() => unknown>
}

/** Cases that belong together, and whether tfjs' backend can make a difference. */
export interface Theme {
  readonly name: string
  readonly on: 'each backend' | 'once'
  readonly cases: readonly Case[]
}

/** Two weights, a loss of them, and what a case makes and leaves to be disposed. */
export class World {
  readonly a: tf.Variable = tf.tidy(() => tf.variable(tf.tensor2d([1, -2, 3, 0.5, 4, -6], [2, 3])))
  readonly b: tf.Variable = tf.tidy(() => tf.variable(tf.tensor1d([0.25, -1, 2])))
  readonly variables: [tf.Variable, tf.Variable] = [this.a, this.b]
  readonly #held: { dispose(): void }[] = []

  readonly loss = (): tf.Scalar => tf.tidy(() => tf.mean(tf.square(tf.add(tf.tanh(this.a), this.b))) as tf.Scalar)

  /** Something of the case's own, disposed after it. */
  hold<T extends { dispose(): void }>(one: T): T {
    this.#held.push(one)
    return one
  }

  /** A variable of the case's own. */
  variable(value: tf.Tensor, trainable = true): tf.Variable {
    const made = tf.variable(value, trainable)
    value.dispose()
    return this.hold(made)
  }

  dispose(): void {
    for (const one of [...this.#held, ...this.variables]) {
      if (!('isDisposed' in one && one.isDisposed)) one.dispose()
    }
  }
}

/** A case that needs nothing prepared. */
export function simple(of: string, what: string, outcome: Outcome, call: () => unknown): Case {
  return { of, what, outcome, given: () => call }
}

/** One case a value of an option. */
export function each(of: string, option: string, values: readonly unknown[], call: (value: never) => unknown): Case[] {
  return values.map((value) =>
    simple(of, `${option}: ${written(value)}`, 'ERR_INVALID_ARGUMENT', () => call(value as never)),
  )
}

/** A value in a title. */
export function written(value: unknown): string {
  return inspect(value, { breakLength: Infinity, depth: 3 }).slice(0, 60)
}

/** What a number is not. */
export const notANumber: readonly unknown[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...['0.1', null, {}, [1], true, 1n, Symbol.iterator],
]

/** Says what was expected of something that should have worked. */
export function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected that ${what}`)
}

/** An array whose memory is gone. */
export function detached(length = 3): Float32Array {
  const gone = new Float32Array(length)
  structuredClone(gone, { transfer: [gone.buffer as ArrayBuffer] })
  return gone
}

/** An array over memory that others may write. */
export const shared = (length = 3): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length))
