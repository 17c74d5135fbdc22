import { SaltflatError, shown } from '../errors.ts'
import { invalid, isFloat32Array, notFinite } from '../options.ts'
import type { Evaluation } from './evaluate.ts'
import { thrown } from './thrown.ts'

/**
 * The gradient of a loss of a plain vector, at `x`; with the loss itself where it is known.
 *
 * `x` is lent for the call: read it, and neither keep it nor write to it, for it is overwritten between calls. The
 * gradient is a Float32Array as long as `x`, and may be the same array at every call. Synchronous. `part` is the number
 * of the part of the batch with `data: 'split'`, and undefined where all of it is meant.
 */
export type VectorGradient = (
  x: Float32Array,
  part?: number,
) =>
  | Float32Array
  | {
      /** f(x). */
      readonly loss: number
      /** ∇f(x). */
      readonly gradient: Float32Array
    }

/** Calls a gradient function and checks what it gives; the loss is NaN where it says none. */
export function evaluateVector(gradient: VectorGradient, x: Float32Array, part: number): Evaluation<Float32Array> {
  const { length } = x
  let given: ReturnType<VectorGradient>
  try {
    given = part < 0 ? gradient(x) : gradient(x, part)
  } catch (error) {
    throw thrown('The gradient function', error)
  }
  if (x.length !== length) {
    throw new SaltflatError(
      'ERR_DETACHED',
      'Expected the gradient function to leave x where it is, received it with its buffer transferred away. Transfer a copy, x.slice().',
    )
  }
  if (isFloat32Array(given)) return { loss: Number.NaN, gradients: [ofLength(given, length)] }
  const { loss, gradient: values } = (given ?? {}) as { loss?: unknown; gradient?: unknown }
  if (values === undefined) throw neither(given)
  if (!isFloat32Array(values)) throw neither(values)
  if (typeof loss !== 'number') throw invalid('a number for the loss beside a gradient', loss)
  if (!Number.isFinite(loss)) {
    throw new SaltflatError(
      'ERR_NOT_FINITE',
      `Expected a finite loss, received ${loss}. Look for NaN in the data, log(0) and 0/0; otherwise lower the learning rate or the noise.`,
    )
  }
  return { loss, gradients: [ofLength(values, length)] }
}

/** Refuses a start that is not a Float32Array of finite numbers over memory of its own. */
export function checkStart(x0: unknown): asserts x0 is Float32Array {
  if (!isFloat32Array(x0)) {
    const advice = ArrayBuffer.isView(x0) || Array.isArray(x0) ? ' Convert it by Float32Array.from(x0).' : ''
    throw new SaltflatError('ERR_DTYPE', `Expected a Float32Array for x0, received ${shown(x0)}.${advice}`)
  }
  refuseDetached('x0', x0)
  if (Object.prototype.toString.call(x0.buffer) === '[object SharedArrayBuffer]') {
    throw new SaltflatError(
      'ERR_SHARED',
      'Expected ordinary memory for x0, received a SharedArrayBuffer, which others may write meanwhile. Copy it first: new Float32Array(x0).',
    )
  }
  if (x0.length === 0) {
    throw new SaltflatError('ERR_EMPTY', 'Expected at least one element in x0, received an empty array.')
  }
  const bad = notFinite(x0)
  if (bad >= 0) {
    throw new SaltflatError('ERR_NOT_FINITE', `Expected finite numbers in x0, received ${x0[bad]} at ${bad}.`)
  }
}

function ofLength(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values
  refuseDetached('the gradient', values)
  throw new SaltflatError(
    'ERR_SHAPE',
    `Expected a gradient of ${length} elements, as x has, received ${values.length}.`,
  )
}

function neither(given: unknown): SaltflatError {
  const expected = 'Expected a Float32Array, or { loss, gradient } with one, from the gradient function'
  if (typeof (given as Promise<unknown> | null)?.then === 'function') {
    return new SaltflatError('ERR_LOSS', `${expected}, received a Promise. Make the function synchronous.`)
  }
  const advice = ArrayBuffer.isView(given) || Array.isArray(given) ? ' Convert it by Float32Array.from().' : ''
  return new SaltflatError('ERR_DTYPE', `${expected}, received ${shown(given)}.${advice}`)
}

/** Refuses an array whose memory is gone: it would count as empty. */
export function refuseDetached(what: string, { buffer }: Float32Array): void {
  try {
    // Node 20 has no `detached`, but refuses a view on such a buffer.
    new Uint8Array(buffer)
  } catch (cause) {
    throw new SaltflatError(
      'ERR_DETACHED',
      `Expected attached memory in ${what}, received an array whose buffer was transferred away.`,
      { cause },
    )
  }
}
