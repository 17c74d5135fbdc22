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
const format = 0x5346_0004
/** Words of fixed meaning; the optimizer's name, sizes, what is banked and the numbers in f64 follow. */
const head = 12

/** What an optimizer needs to go on, besides the weights themselves. */
export interface State {
  /** Whose it is, such as 'nso(adam)': moments of another rule mean something else. */
  optimizer: string
  /** Seed of the noise. */
  seed: number
  iterations: number
  /** Micro-batches that the next update already has. */
  micro: number
  /** Which tensors these have reached; empty where there are none. */
  banked: readonly boolean[]
  /** Elements of each tensor: a state without vectors, too, knows its model. None before the first step. */
  sizes: readonly number[]
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
 * A state as named tensors, which `others` tensors of a wrapped optimizer will follow. Vectors are float32 holding ordinary numbers; everything that is f64 or a counter travels as
 * int32 words, which no backend rounds.
 */
export function writeState(state: State, others: number): NamedTensor[] {
  const { optimizer, seed, iterations, micro, banked, sizes, vectors, tensors, samples, trace } = state
  const name = Buffer.from(optimizer)
  const numbers = Float64Array.from([...samples, ...trace])
  const integers = [...name, ...sizes, ...banked.map(Number)]
  const words = new Int32Array(head + integers.length + 2 * numbers.length)
  const kinds = (vectors.includes('bank') ? 1 : 0) + (vectors.includes('origin') ? 2 : 0)
  const moments = vectors.filter((name) => name.startsWith('moment')).length
  words.set([format, iterations | 0, Math.floor(iterations / 2 ** 32), sizes.length])
  words.set([moments, kinds, micro, samples.length], 4)
  words.set([seed | 0, Math.floor(seed / 2 ** 32), name.length, others, ...integers], 8)
  words.set(new Int32Array(numbers.buffer), head + integers.length)
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
  { optimizer, wrapped }: { optimizer: string; wrapped: boolean },
): { own: NamedTensor[]; rest: NamedTensor[]; iterations: number; seed: number } {
  const { iterations, seed, sizes, vectors, name, others } = header(saved)
  if (name !== optimizer) throw refused(`a state of ${optimizer}`, `one of ${name}`)
  const end = 2 + sizes.length * vectors.length
  const own = saved.slice(0, end)
  const rest = saved.slice(end).map(({ name, tensor }) => ({ name: name.replace(prefix, ''), tensor }))
  const whole = own.slice(2).every(({ tensor }) => tensor.dtype === 'float32')
  if (!whole || saved.length !== end + others || others > 0 !== wrapped) {
    throw refused(
      `${end + others} tensors${wrapped ? ', those of the base optimizer among them' : ''}`,
      `${saved.length}`,
    )
  }
  for (const [i, { name: given }] of own.slice(2).entries()) {
    const expected = nameOf(vectors[i % vectors.length]!, Math.floor(i / vectors.length))
    if (given !== expected) throw refused(`'${expected}' at ${i + 2}`, `'${given}'`)
  }
  return { own, rest, iterations, seed }
}

function header(saved: readonly NamedTensor[]) {
  const words = saved[1]?.tensor.dtype === 'int32' ? (saved[1].tensor.dataSync() as Int32Array) : new Int32Array(0)
  const [version, low = 0, high = 0, tensors = 0, moments = 0, kinds = 0, micro = 0, samples = 0] = words
  const [seedLow = 0, seedHigh = 0, letters = 0, others = 0] = words.subarray(8)
  // A word a tensor in the middle of an update.
  const banked = micro > 0 ? tensors : 0
  const bytes = words.subarray(head, head + letters)
  const flags = words.subarray(head + letters + tensors, head + letters + tensors + banked)
  const counts = [high, tensors, moments, kinds, micro, samples, seedHigh, letters, others, ...bytes, ...flags]
  const numbers = (words.length - head - letters - tensors - banked) / 2
  const seed = (seedLow >>> 0) + seedHigh * 2 ** 32
  const iterations = (low >>> 0) + high * 2 ** 32
  const sound =
    counts.every((count) => count >= 0) &&
    kinds < 4 &&
    moments < 4 &&
    samples <= numbers &&
    Number.isSafeInteger(seed) &&
    bytes.every((one) => one < 256) &&
    flags.every((one) => one < 2)
  if (version !== format || !Number.isInteger(numbers) || numbers < 0 || !sound || iterations > 2 ** 32) {
    throw refused('a state that this version of saltflat wrote', 'another')
  }
  const at = (start: number, length: number) => words.subarray(start, start + length)
  return {
    name: Buffer.from(bytes).toString(),
    seed,
    iterations,
    sizes: Array.from(at(head + letters, tensors)),
    vectors: vectorsOf({ moments, bank: (kinds & 1) !== 0, origin: (kinds & 2) !== 0 }),
    moments,
    micro,
    banked: Array.from(flags, Boolean),
    numbers: new Float64Array(words.slice(head + letters + tensors + banked).buffer),
    samples,
    others,
  }
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
  const { name, moments, numbers, samples, others, ...state } = header(saved)
  const { sizes, vectors, micro } = state
  const fresh = sizes.length === 0
  if (!fresh && (`${sizes}` !== `${shape.sizes}` || moments !== shape.moments)) {
    throw refused(`${shape.moments} moments of tensors of ${shape.sizes} elements`, `${moments} of ${sizes}`)
  }
  if (!fresh && vectors.includes('origin') !== shape.origin) {
    throw refused(`${shape.origin ? '' : 'no '}weights to keep a distance from`, shape.origin ? 'none' : 'some')
  }
  if (micro >= shape.accumulation || micro > 0 !== vectors.includes('bank')) {
    throw refused(`fewer than ${shape.accumulation} micro-batches in the next update`, `${micro}`)
  }
  const tensors = sizes.map((size, t) =>
    vectors.map((vector, v) => {
      const one = saved[2 + t * vectors.length + v]?.tensor
      if (one === undefined || one.dtype !== 'float32' || one.size !== size) {
        const received = one === undefined ? 'nothing' : `${one.size}`
        throw refused(`${size} elements in ${vector} of tensor ${t}`, received)
      }
      return one.dataSync().slice() as Float32Array
    }),
  )
  return { ...state, optimizer: name, tensors, samples: numbers.slice(0, samples), trace: numbers.slice(samples) }
}

function refused(expected: string, received: string): SaltflatError {
  return new SaltflatError(
    'ERR_STATE',
    `Expected ${expected} in the saved optimizer, received ${received}. It is of another model or optimizer, or truncated.`,
  )
}
