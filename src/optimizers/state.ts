import { keep, Tensor, tensor1d } from '@tensorflow/tfjs-core'
import { SaltflatError, shown } from '../errors.ts'

/** tfjs's own pair, which it does not export. */
export interface NamedTensor {
  /** Name under which it is saved. */
  name: string
  /** Its values. */
  tensor: Tensor
}

/** First word of a saved state: 'SF' and the version of the format. */
const format = 0x5346_0003
/** Words ahead of the numbers in f64. */
const head = 8

/** What an optimizer needs to go on, besides the weights themselves. */
export interface State {
  iterations: number
  /** Micro-batches that the next update already has. */
  micro: number
  /** Which tensors these have reached; empty where there are none. */
  banked: readonly boolean[]
  /** Names of the vectors: 'moment0' …, 'bank' in the middle of an update, 'origin' where W₀ is kept. */
  vectors: readonly string[]
  /** The vectors of each tensor, in that order; no tensors before the first step. */
  tensors: Float32Array[][]
  /** Trace samples of the micro-batches so far; empty where there are none. */
  samples: Float64Array
  /** Curvature statistics; empty where there are none. */
  trace: Float64Array
}

/** The vectors that a state of these has. */
export function vectorsOf({ moments, bank, origin }: { moments: number; bank: boolean; origin: boolean }): string[] {
  const names = Array.from({ length: moments }, (_, m) => `moment${m}`)
  return [...names, ...(bank ? ['bank'] : []), ...(origin ? ['origin'] : [])]
}

/**
 * A state as named tensors. Vectors are float32 holding ordinary numbers; everything that is f64 or a counter travels as
 * int32 words, which no backend rounds.
 */
export function writeState({ iterations, micro, banked, vectors, tensors, samples, trace }: State): NamedTensor[] {
  const numbers = Float64Array.from([...samples, ...trace])
  const words = new Int32Array(head + banked.length + 2 * numbers.length)
  const kinds = (vectors.includes('bank') ? 1 : 0) + (vectors.includes('origin') ? 2 : 0)
  const moments = vectors.filter((name) => name.startsWith('moment')).length
  words.set([format, iterations | 0, Math.floor(iterations / 2 ** 32), tensors.length])
  words.set([moments, kinds, micro, samples.length], 4)
  words.set(banked.map(Number), head)
  words.set(new Int32Array(numbers.buffer), head + banked.length)
  const named = (name: string, one: Tensor): NamedTensor => ({ name, tensor: one })
  return [
    named('saltflat/words', tensor1d(words, 'int32')),
    ...tensors.flatMap((ofTensor, t) =>
      ofTensor.map((values, v) => named(nameOf(vectors[v]!, t), tensor1d(values, 'float32'))),
    ),
  ]
}

/** Name of a vector of a tensor. */
const nameOf = (vector: string, tensor: number) => `saltflat/${vector}/${tensor}`

/** A copy that lives until it is disposed. */
export function copied({ name, tensor }: NamedTensor): NamedTensor {
  return { name, tensor: keep(tensor.clone()) }
}

/** Refuses what is no list of named, living tensors. */
export function checkSaved(saved: unknown): asserts saved is NamedTensor[] {
  if (!Array.isArray(saved)) throw refused('a list of named tensors', shown(saved))
  for (const one of saved as readonly (Partial<NamedTensor> | null)[]) {
    const { name, tensor } = one ?? {}
    if (typeof name !== 'string' || !(tensor instanceof Tensor))
      throw refused('{ name, tensor } at each place', shown(one))
    if (tensor.isDisposed) {
      throw new SaltflatError(
        'ERR_DISPOSED',
        `Expected live tensors in the saved optimizer, received '${name}', which was disposed. Clone what getWeights gives to keep it.`,
      )
    }
  }
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
  const { iterations, tensors, vectors } = header(saved)
  const end = 2 + tensors * vectors.length
  const own = saved.slice(0, end)
  const rest = saved.slice(end).map(({ name, tensor }) => ({ name: name.replace(prefix, ''), tensor }))
  const whole = own.length === end && own.slice(2).every(({ tensor }) => tensor.dtype === 'float32')
  if (!whole || rest.length > 0 !== wrapped) {
    throw refused(`${end} tensors${wrapped ? ' and those of the base optimizer' : ''}`, `${saved.length}`)
  }
  for (const [i, { name }] of own.slice(2).entries()) {
    const expected = nameOf(vectors[i % vectors.length]!, Math.floor(i / vectors.length))
    if (name !== expected) throw refused(`'${expected}' at ${i + 2}`, `'${name}'`)
  }
  return { own, rest, iterations }
}

function header(saved: readonly NamedTensor[]) {
  const words = saved[1]?.tensor.dtype === 'int32' ? (saved[1].tensor.dataSync() as Int32Array) : new Int32Array(0)
  const [version, low = 0, high = 0, tensors = 0, moments = 0, kinds = 0, micro = 0, samples = 0] = words
  // A word a tensor in the middle of an update.
  const banked = micro > 0 ? tensors : 0
  const flags = words.subarray(head, head + banked)
  const counts = [high, tensors, moments, kinds, micro, samples, ...flags]
  const numbers = (words.length - head - banked) / 2
  const iterations = (low >>> 0) + high * 2 ** 32
  const sound =
    counts.every((count) => count >= 0) &&
    kinds < 4 &&
    moments < 4 &&
    samples <= numbers &&
    flags.every((one) => one < 2)
  if (version !== format || !Number.isInteger(numbers) || numbers < 0 || !sound || iterations > 2 ** 32) {
    throw refused('a state that this version of saltflat wrote', 'another')
  }
  const vectors = vectorsOf({ moments, bank: (kinds & 1) !== 0, origin: (kinds & 2) !== 0 })
  return { words, iterations, tensors, vectors, moments, micro, samples }
}

/** What a state must fit. */
export interface StateShape {
  sizes: readonly number[]
  moments: number
  /** Micro-batches an update. */
  accumulation: number
  origin: boolean
}

/** Reads what `writeState` wrote, behind tfjs's own iteration count; refuses anything that does not fit, changing nothing. */
export function readState(saved: readonly NamedTensor[], shape: StateShape): State {
  const { words, iterations, tensors, vectors, moments, micro, samples } = header(saved)
  const { sizes } = shape
  const fresh = tensors === 0
  if (!fresh && (tensors !== sizes.length || moments !== shape.moments)) {
    throw refused(`${shape.moments} moments of ${sizes.length} tensors`, `${moments} of ${tensors}`)
  }
  if (!fresh && vectors.includes('origin') !== shape.origin) {
    throw refused(`${shape.origin ? '' : 'no '}weights to keep a distance from`, shape.origin ? 'none' : 'some')
  }
  if (micro >= shape.accumulation || micro > 0 !== vectors.includes('bank')) {
    throw refused(`fewer than ${shape.accumulation} micro-batches in the next update`, `${micro}`)
  }
  const banked = micro > 0 ? Array.from(words.subarray(head, head + tensors), Boolean) : []
  const numbers = new Float64Array((words.length - head - banked.length) / 2)
  new Int32Array(numbers.buffer).set(words.subarray(head + banked.length))
  const read: Float32Array[][] = []
  for (let t = 0; !fresh && t < tensors; t++) {
    read.push(
      vectors.map((name, v) => {
        const one = saved[2 + t * vectors.length + v]?.tensor
        if (one === undefined || one.dtype !== 'float32' || one.size !== sizes[t]) {
          const received = one === undefined ? 'nothing' : `${one.size}`
          throw refused(`${sizes[t]} elements in ${name} of tensor ${t}`, received)
        }
        return one.dataSync().slice() as Float32Array
      }),
    )
  }
  return {
    iterations,
    micro,
    banked,
    vectors,
    tensors: read,
    samples: numbers.slice(0, samples),
    trace: numbers.slice(samples),
  }
}

function refused(expected: string, received: string): SaltflatError {
  return new SaltflatError(
    'ERR_STATE',
    `Expected ${expected} in the saved optimizer, received ${received}. It is of another model or optimizer, or truncated.`,
  )
}
