import { keep, type Tensor, tensor1d } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'

/** tfjs's own pair, which it does not export. */
export interface NamedTensor {
  name: string
  tensor: Tensor
}

/** First word of a saved state: 'SF' and the version of the format. */
const format = 0x5346_0001

/** What an optimizer needs to go on, besides the weights themselves. */
export interface State {
  iterations: number
  /** Moments of each tensor. */
  moments: Float32Array[][]
  /** Curvature statistics; empty where there are none. */
  trace: Float64Array
}

/**
 * A state as named tensors. Moments are float32 holding ordinary numbers; everything that is f64 or a counter travels as
 * int32 words, which no backend rounds.
 */
export function writeState({ iterations, moments, trace }: State): NamedTensor[] {
  const words = new Int32Array(5 + 2 * trace.length)
  words.set([format, iterations | 0, Math.floor(iterations / 2 ** 32), moments.length, moments[0]?.length ?? 0])
  words.set(new Int32Array(trace.buffer, trace.byteOffset, 2 * trace.length), 5)
  const named = (name: string, one: Tensor): NamedTensor => ({ name, tensor: one })
  return [
    named('saltflat/words', tensor1d(words, 'int32')),
    ...moments.flatMap((ofTensor, t) =>
      ofTensor.map((values, m) => named(`saltflat/moment${m}/${t}`, tensor1d(values, 'float32'))),
    ),
  ]
}

/** A copy that lives until it is disposed. */
export function copied({ name, tensor }: NamedTensor): NamedTensor {
  return { name, tensor: keep(tensor.clone()) }
}

/** Marks what a wrapped stock optimizer has saved: names must be unique in a file, and each has an 'iter'. */
const prefix = 'saltflat/base/'

/** Our own state, and behind it that of a wrapped stock optimizer. */
export function joinState(own: readonly NamedTensor[], rest: readonly NamedTensor[]): NamedTensor[] {
  return [...own, ...rest.map(({ name, tensor }) => ({ name: prefix + name, tensor }))]
}

/** Undoes `joinState`. `wrapped`: a stock optimizer's part must be there; otherwise none may be. */
export function splitState(
  saved: readonly NamedTensor[],
  wrapped: boolean,
): { own: NamedTensor[]; rest: NamedTensor[]; iterations: number } {
  const { words, tensors, each } = header(saved)
  const end = 2 + tensors * each
  const own = saved.slice(0, end)
  const rest = saved.slice(end).map(({ name, tensor }) => ({ name: name.replace(prefix, ''), tensor }))
  const whole = own.length === end && own.slice(2).every(({ tensor }) => tensor.dtype === 'float32')
  if (!whole || rest.length > 0 !== wrapped) {
    throw refused(`${end} tensors${wrapped ? ' and those of the base optimizer' : ''}`, `${saved.length}`)
  }
  return { own, rest, iterations: iterationsOf(words) }
}

function iterationsOf(words: Int32Array): number {
  return (words[1]! >>> 0) + words[2]! * 2 ** 32
}

function header(saved: readonly NamedTensor[]): { words: Int32Array; tensors: number; each: number } {
  const words = saved[1]?.tensor.dtype === 'int32' ? (saved[1].tensor.dataSync() as Int32Array) : new Int32Array(0)
  const [version, , , tensors = 0, each = 0] = words
  if (words.length < 5 || words.length % 2 === 0 || version !== format) {
    throw refused('a state that this version of saltflat wrote', 'another')
  }
  return { words, tensors, each }
}

/** Reads what `writeState` wrote, behind tfjs's own iteration count; refuses anything that does not fit, changing nothing. */
export function readState(saved: readonly NamedTensor[], sizes: readonly number[], moments: number): State {
  const { words, tensors, each } = header(saved)
  const fresh = tensors === 0
  if (!fresh && (tensors !== sizes.length || each !== moments)) {
    throw refused(`${moments} moments of ${sizes.length} tensors`, `${each} of ${tensors}`)
  }
  const trace = new Float64Array((words.length - 5) / 2)
  new Int32Array(trace.buffer).set(words.subarray(5))
  const read: Float32Array[][] = []
  for (let t = 0; !fresh && t < tensors; t++) {
    const ofTensor: Float32Array[] = []
    for (let m = 0; m < each; m++) {
      const one = saved[2 + t * each + m]?.tensor
      if (one === undefined || one.dtype !== 'float32' || one.size !== sizes[t]) {
        throw refused(
          `${sizes[t]} elements in moment ${m} of tensor ${t}`,
          one === undefined ? 'nothing' : `${one.size}`,
        )
      }
      ofTensor.push(one.dataSync().slice() as Float32Array)
    }
    read.push(ofTensor)
  }
  return { iterations: iterationsOf(words), moments: read, trace }
}

function refused(expected: string, received: string): SaltflatError {
  return new SaltflatError(
    'ERR_STATE',
    `Expected ${expected} in the saved optimizer, received ${received}. It is of another model or optimizer, or truncated.`,
  )
}
