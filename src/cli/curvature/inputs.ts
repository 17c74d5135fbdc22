import { access, constants, stat } from 'node:fs/promises'
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
): Promise<{ x: Tensor[]; y: Tensor[]; count: number; notes: string[] }> {
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
  return { x, y, count, notes: inputs.flatMap((one, i) => scaleAdvice(one, scale, data[i]!)) }
}

/** Pixels that a model was not trained on saturate it: its loss is flat there, and every figure 0. */
function scaleAdvice({ dtype, data }: NpyArray, scale: number, file: string): string[] {
  if (dtype !== 'uint8' || scale !== 1) return []
  const most = (data as Uint8Array).reduce((a, b) => Math.max(a, b), 0)
  if (most < 128) return []
  return [
    `${file} holds bytes up to ${most}, taken as they are. For a model trained on values of 0 to 1 say --scale 1/255.`,
  ]
}

/** One after another, so that of several faulty files it is always the first that is named. */
async function readAll(files: readonly string[]): Promise<NpyArray[]> {
  const arrays: NpyArray[] = []
  for (const file of files) arrays.push(named(file, decodeNpy, await readWhole(file)))
  return arrays
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

function inputOf({ shape, data }: NpyArray, wanted: Axes, scale: number, file: string): Tensor {
  const axes = fitted(shape.slice(1), wanted.slice(1))
  if (axes === null) throw wrongShape(wanted.slice(1), file, shape)
  return tensor(
    Float32Array.from(data, (value) => value * scale),
    [shape[0]!, ...axes],
    'float32',
  )
}

type Axes = readonly (number | null)[]

/**
 * The axes that a model is given; null where the array does not fit. Examples may lack axes of one, as images of one channel
 * do, or be flat; axes in another order would be other examples.
 */
function fitted(given: readonly number[], wanted: Axes): readonly number[] | null {
  const same = (a: Axes, b: Axes) => a.length === b.length && a.every((n, d) => n === null || n === b[d])
  if (same(wanted, given)) return given
  if (wanted.includes(null)) return null
  const axes = wanted as readonly number[]
  const flat = given.length === 1 && given[0] === axes.reduce((product, n) => product * n, 1)
  const long = (all: readonly number[]) => all.filter((n) => n !== 1)
  return flat || same(long(axes), long(given)) ? axes : null
}

function wrongShape(axes: Axes, file: string, shape: readonly number[]): SaltflatError {
  const expected = ['examples', ...axes.map((n) => n ?? 'any')].join(', ')
  return new SaltflatError(
    'ERR_SHAPE',
    `Expected an array of shape [${expected}] in ${file}, received [${shape.join(', ')}].`,
  )
}

/** Classes by their numbers become what the loss compares with; all else is taken as it is. */
function targetOf({ shape, data }: NpyArray, wanted: Axes, loss: string, file: string): Tensor {
  const values = Float32Array.from(data)
  const count = shape[0]!
  const classes = wanted.at(-1) ?? 0
  const numbers = values.length === count
  const crossEntropy = /^(categorical|kullback)/.test(loss)
  const sparse = loss === 'sparseCategoricalCrossentropy'
  if (!numbers || (!crossEntropy && !sparse) || classes < 2) {
    const axes = sparse ? [...wanted.slice(1, -1), 1] : wanted.slice(1)
    const found = fitted(shape.slice(1), axes)
    if (found !== null) return tensor(values, [count, ...found], 'float32')
    const { code, message } = wrongShape(axes, file, shape)
    throw new SaltflatError(code, `${message} ${labelAdvice(loss, numbers)}`.trim())
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

/** What to do about targets of another shape, where a loss takes classes in one form and they came in the other. */
function labelAdvice(loss: string, numbers: boolean): string {
  if (loss === 'sparseCategoricalCrossentropy') {
    return 'This loss takes numbers of classes: y.argmax(-1), or --loss categoricalCrossentropy for one-hot rows.'
  }
  return numbers
    ? `Numbers of classes serve cross-entropies only: for ${loss} save one-hot rows, numpy.eye(classes)[y].`
    : ''
}

/** Whether files can be read, before a backend is loaded for them. */
export async function checkFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const received = await obstacle(file)
    if (received === null) continue
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected a file at ${file}, received ${received}.`)
  }
}

async function obstacle(file: string): Promise<string | null> {
  try {
    if ((await stat(file)).isDirectory()) return 'a folder. Name a file in it, such as its model.json'
    await access(file, constants.R_OK)
    return null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'nothing there' : `${code}`
  }
}
