import { readFile } from 'node:fs/promises'
import { type Tensor, tensor } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../../errors.ts'
import { readWhole } from '../../io/large.ts'
import { decodeNpy, type NpyArray } from '../../io/npy.ts'
import type { Arguments } from './args.ts'

/** Inputs and targets of a model, from numpy's files. */
export async function readExamples(
  model: LayersModel,
  { data, labels, loss, examples, scale }: Arguments,
): Promise<{ x: Tensor[]; y: Tensor[]; count: number }> {
  const [inputs, targets] = [await readAll(data), await readAll(labels)]
  checkCount('data', 'input', inputs.length, model.inputs.length)
  checkCount('labels', 'output', targets.length, model.outputs.length)
  const total = inputs[0]!.shape[0] ?? 0
  for (const [i, { shape }] of [...inputs, ...targets].entries()) {
    if ((shape[0] ?? 0) === total) continue
    const file = [...data, ...labels][i]
    throw new SaltflatError(
      'ERR_SHAPE',
      `Expected ${total} examples in ${file}, as in ${data[0]}, received ${shape[0]}.`,
    )
  }
  const count = Math.min(total, examples ?? total)
  if (count === 0) throw new SaltflatError('ERR_EMPTY', `Expected at least one example in ${data[0]}, received none.`)
  const x = inputs.map((one, i) => inputOf(first(one, count), model.inputs[i]!.shape, scale, data[i]!))
  const y = targets.map((one, i) => targetOf(first(one, count), model.outputs[i]!.shape, loss, labels[i]!))
  return { x, y, count }
}

function readAll(files: readonly string[]): Promise<NpyArray[]> {
  return Promise.all(files.map(async (file) => named(file, decodeNpy, await readWhole(file))))
}

/** What is wrong with a file is said with its name. */
function named(file: string, decode: (bytes: Uint8Array) => NpyArray, bytes: Uint8Array): NpyArray {
  try {
    return decode(bytes)
  } catch (error) {
    if (!(error instanceof SaltflatError)) throw error
    throw new SaltflatError(error.code, `${file}: ${error.message}`, { cause: error })
  }
}

function checkCount(flag: string, what: string, given: number, wanted: number): void {
  if (given === wanted) return
  const files = wanted === 1 ? `one --${flag}` : `${wanted} times --${flag}, once for each ${what} of the model`
  throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected ${files}, received ${given}.`)
}

/** The first examples. */
function first({ dtype, shape, data }: NpyArray, count: number): NpyArray {
  const each = data.length / (shape[0] || 1)
  return { dtype, shape: [count, ...shape.slice(1)], data: data.subarray(0, count * each) }
}

/** Examples may lack an axis of one, as images of one channel do, or be flat: their numbers must be as many. */
function inputOf({ shape, data }: NpyArray, wanted: readonly (number | null)[], scale: number, file: string): Tensor {
  const [count = 0, ...given] = shape
  const axes = wanted.slice(1)
  const fits = given.length === axes.length && axes.every((n, d) => n === null || n === given[d])
  const target = fits ? given : (axes as number[])
  const size = target.reduce((product, n) => product * (n ?? Number.NaN), 1)
  if (size * count !== data.length) {
    const expected = ['examples', ...axes.map((n) => n ?? 'any')].join(', ')
    throw new SaltflatError('ERR_SHAPE', `Expected an array of shape [${expected}] in ${file}, received [${shape}].`)
  }
  return tensor(
    Float32Array.from(data, (value) => value * scale),
    [count, ...target],
    'float32',
  )
}

/** Classes by their numbers become what the loss compares with; all else is taken as it is. */
function targetOf({ shape, data }: NpyArray, wanted: readonly (number | null)[], loss: string, file: string): Tensor {
  const values = Float32Array.from(data)
  const count = shape[0]!
  const classes = wanted.at(-1) ?? 0
  const numbers = values.length === count
  const crossEntropy = /^(categorical|kullback)/.test(loss)
  if (!numbers || (!crossEntropy && loss !== 'sparseCategoricalCrossentropy') || classes < 2) {
    return tensor(values, numbers ? [count, 1] : [...shape], 'float32')
  }
  const wrong = values.find((value) => !(Number.isInteger(value) && value >= 0 && value < classes))
  if (wrong !== undefined) {
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected whole numbers of 0 to ${classes - 1} in ${file}, one for each class of the model, received ${wrong}.`,
    )
  }
  if (!crossEntropy) return tensor(values, [count, 1], 'float32')
  const rows = new Float32Array(count * classes)
  for (let i = 0; i < count; i++) rows[i * classes + values[i]!] = 1
  return tensor(rows, [count, classes], 'float32')
}

/** Whether a file can be read, before a backend is loaded for it. */
export async function checkFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    await readFile(file).catch((cause: NodeJS.ErrnoException) => {
      throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected a file at ${file}, received ${cause.code}.`, { cause })
    })
  }
}
