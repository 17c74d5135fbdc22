import { type Tensor, type Optimizer as TfOptimizer, tensor, type Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Place } from '../data/place.ts'
import { SaltflatError } from '../errors.ts'
import { learningRateIn } from '../optimizers/config.ts'
import { FlatOptimizer } from '../optimizers/optimizer.ts'
import type { NamedTensor } from '../optimizers/state.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { checkAlive, checkDistinct, Variables } from '../params/variables.ts'
import { type CheckpointContent, type CheckpointTensor, encodeCheckpoint } from './checkpoint-file.ts'
import { addCheckpoint, newestCheckpoint, type SkippedFile } from './checkpoint-folder.ts'

/** What a checkpoint is taken of: a compiled model, or an optimizer and the variables of a loop of your own. */
export type Trainee =
  | LayersModel
  | {
      /** What steps. */
      readonly optimizer: TfOptimizer
      /** What it is given, in the same order at every start. */
      readonly variables: readonly Variable[]
    }

/** Options of `saveCheckpoint`. */
export interface SaveCheckpointOptions {
  /** Folder for the checkpoints of one run; made where it is missing. */
  dir: string
  /** Whole epochs done. */
  epoch: number
  /** Batches done of the epoch after these. Default 0. */
  batch?: number
  /** Newest files to keep: a whole number ≥ 1. Default 2: the newest, and one in case a disk damages that. */
  keep?: number
}

/** Where a run stands: at the beginning where there is no checkpoint yet. `shuffledBatches` and `checkpoint` take it as `from`. */
export interface Resumed extends Place {
  /** The file; null where there is none yet. */
  readonly path: string | null
  /** Newer files that are damaged. */
  readonly skipped: readonly SkippedFile[]
}

/** Saves wait for each other: each takes the next number, and what `getWeights` returns lives until its next call. */
let queue: Promise<unknown> = Promise.resolve()

/** Files to keep by default. */
export const defaultKeep = 2

/**
 * Writes a checkpoint of a model and its optimizer: weights, moments, curvature statistics, counters, seed, config, and the
 * place in the run. The callback `checkpoint` does so in `fit` and `fitDataset`; this is for loops of your own. It can be
 * taken after any step.
 *
 * One file, `checkpoint-NNNNNN.safetensors`, which safetensors of other languages read too. It is written whole or not at
 * all: a temporary file in the same folder, fsync, rename. Costs a copy of the weights and of what the optimizer owns, on the
 * heap and on disk. Weights are read at the call, the optimizer's state a moment later: await it before the next step.
 * Several processes may write to one folder; each file gets a number of its own. Damaged files do not count as kept.
 * Returns the path.
 *
 * Throws ERR_INVALID_ARGUMENT, ERR_DTYPE for weights that are neither float32, int32 nor bool, ERR_DISPOSED, ERR_STATE where
 * a step was taken before the state was read, ERR_UNSUPPORTED for an optimizer that trains variables outside the model's
 * layers and for files larger than a Buffer (4 GiB in Node 20), ERR_OUT_OF_MEMORY; and what the file system throws, such as
 * ENOSPC, when the older checkpoints are all still there.
 *
 * @example
 * const data = shuffledBatches(x, y, { batchSize: 8, seed: 7 })
 * let step = 0
 * for (const { xs, ys } of data.epoch(0)) {
 *   await model.trainOnBatch(xs, ys)
 *   step++
 *   // Behind the last batch of an epoch is the beginning of the next.
 *   await saveCheckpoint(model, { dir: 'loop', epoch: Math.floor(step / data.size), batch: step % data.size })
 * }
 * const rest = shuffledBatches(x, y, { batchSize: 8, seed: 7, from: await resume(model, 'loop') })
 */
export async function saveCheckpoint(trainee: Trainee, options: SaveCheckpointOptions): Promise<string> {
  knownKeys('the options of saveCheckpoint', options, ['dir', 'epoch', 'batch', 'keep'])
  const { dir, epoch, batch = 0, keep = defaultKeep } = options
  folder(dir)
  whole('epoch', epoch, 0, Number.MAX_SAFE_INTEGER)
  whole('batch', batch, 0, Number.MAX_SAFE_INTEGER)
  whole('keep', keep, 1, Number.MAX_SAFE_INTEGER)
  const { optimizer, weights, trained } = partsOf(trainee)
  const steps = stepsOf(optimizer)
  // At once: where nobody waits, the next step may change them before their turn comes.
  const now = {
    ...{ epoch, batch },
    optimizer: { className: optimizer.getClassName(), config: optimizer.getConfig() },
    trained: placesOf(trained, weights),
    weights: weights.map(filed),
  }
  const save = async () => {
    const state = await optimizer.getWeights()
    const content: CheckpointContent = { ...now, state: state.map(filed) }
    // Stock optimizers leak a fresh count of iterations at every call.
    if (!(optimizer instanceof FlatOptimizer)) state.find(({ name }) => name === 'iter')?.tensor.dispose()
    if (stepsOf(optimizer) !== steps) {
      throw new SaltflatError(
        'ERR_STATE',
        `Expected the optimizer after ${steps} steps, as the weights are, received it after ${stepsOf(optimizer)}. Await saveCheckpoint before the next step.`,
      )
    }
    return addCheckpoint(dir, encodeCheckpoint(content), keep)
  }
  const saved = queue.then(save)
  queue = saved.catch(() => {})
  return saved
}

/**
 * The newest checkpoint of a folder that is whole, by its checksum; null where there is none yet. Damaged ones are passed
 * over and listed. Throws ERR_STATE where there are some but none is whole, ERR_UNSUPPORTED for a file larger than a Buffer
 * (4 GiB in Node 20), ERR_OUT_OF_MEMORY.
 *
 * @example
 * const last = await lastCheckpoint('run')
 * if (last !== null) console.log(last.initialEpoch) // → 4
 */
export async function lastCheckpoint(dir: string): Promise<(Resumed & { readonly path: string }) | null> {
  folder(dir)
  const found = await newestCheckpoint(dir)
  return found === null ? null : placeOf(found)
}

/**
 * Takes a model back to where the newest whole checkpoint of a folder was taken, so that the same program serves the first
 * start and every later one. The model is built and compiled as it was: weights go by their order, and the optimizer gets
 * its moments, statistics, counters and seed, and its learning rate where both are plain numbers; other options are those
 * of the program. Goes on to the bit for saltflat's optimizers; those of tfjs itself restore their state to rounding.
 *
 * A model whose optimizer trains other variables than all trainable weights is given as `{ optimizer, variables }`. What
 * layers keep outside their weights is not saved: the state of a stateful RNN, seeds that random preprocessing layers count.
 *
 * Throws ERR_STATE where no file is whole, or the newest whole one is of another model or optimizer, ERR_BASE where a wrapped
 * optimizer refuses its state, and what `lastCheckpoint` and `saveCheckpoint` throw of the files and the model; then nothing
 * has changed.
 *
 * @example
 * model.compile({ optimizer: nso(adam(), { sigma: 0.01 }), loss: 'meanSquaredError' })
 * const { initialEpoch } = await resume(model, 'run')
 * const callbacks = [shuffled({ seed: 7 }), checkpoint({ dir: 'run' })]
 * await model.fit(x, y, { epochs: 6, initialEpoch, callbacks })
 */
export async function resume(trainee: Trainee, dir: string): Promise<Resumed> {
  const parts = partsOf(trainee)
  const { optimizer, weights, trained } = parts
  folder(dir)
  const found = await newestCheckpoint(dir)
  if (found === null) return { initialEpoch: 0, startBatch: 0, path: null, skipped: [] }
  const { content, path } = found
  compare(content, parts, path)
  const state = content.state.map(({ name, ...rest }) => ({ name, tensor: loaded(rest) }))
  try {
    // Variables first: then a state that does not fit them is refused here, not at the first step.
    if (optimizer instanceof FlatOptimizer) optimizer.training.hold(new Variables(trained))
    await optimizer.setWeights(state)
  } finally {
    for (const { tensor: one } of state) one.dispose()
  }
  for (const [i, saved] of content.weights.entries()) {
    const value = loaded(saved)
    // Past the layer, which would apply a constraint.
    weights[i]!.tensor.assign(value)
    value.dispose()
  }
  if (optimizer instanceof FlatOptimizer) restoreRate(optimizer, content.optimizer.config)
  return placeOf(found)
}

function placeOf({ path, content, skipped }: NonNullable<Awaited<ReturnType<typeof newestCheckpoint>>>) {
  return { initialEpoch: content.epoch, startBatch: content.batch, path, skipped }
}

/** The rate may have been set since construction. */
function restoreRate(optimizer: FlatOptimizer, config: Record<string, unknown>): void {
  const rate = learningRateIn(config.settings)
  if (typeof rate === 'number' && typeof optimizer.learningRate === 'number') optimizer.learningRate = rate
}

function compare(content: CheckpointContent, { weights, optimizer, trained }: Parts, path: string): void {
  const shapeOf = ({ shape, dtype }: { shape: readonly number[]; dtype: string }) => `${dtype}[${shape}]`
  const refuse = (expected: string, received: string) => {
    throw new SaltflatError(
      'ERR_STATE',
      `Expected ${expected}, received ${received} in ${path}. It is of another model, or optimizer.`,
    )
  }
  const className = optimizer.getClassName()
  if (weights.length !== content.weights.length) refuse(`${weights.length} weights`, `${content.weights.length}`)
  for (const [i, { name, tensor: one }] of weights.entries()) {
    const [expected, received] = [shapeOf(one), shapeOf(content.weights[i]!)]
    if (expected !== received) refuse(`${expected} for ${name}`, received)
  }
  const places = placesOf(trained, weights)
  if (`${places}` !== `${content.trained}`) refuse(`weights ${places} trained`, `${content.trained}`)
  if (className !== content.optimizer.className) refuse(className, content.optimizer.className)
}

interface Parts {
  optimizer: TfOptimizer
  weights: { name: string; tensor: Variable }[]
  /** What the optimizer trains. */
  trained: Variable[]
}

function placesOf(trained: readonly Variable[], weights: Parts['weights']): number[] {
  return trained.map((one) => {
    const place = weights.findIndex((weight) => weight.tensor === one)
    if (place >= 0) return place
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected every trained variable among the weights of the layers, received '${one.name}' elsewhere. Give { optimizer, variables } with all of them.`,
    )
  })
}

/** What tfjs-layers holds a weight in, of which here the name matters. */
interface NamedWeight {
  originalName: string
  read(): Variable
}

interface Layer {
  weights: NamedWeight[]
  /** Of a model: its layers. A layer may have a field of that name for whatever it likes. */
  layers?: Layer[]
  /** Models have this, and layers do not. */
  getLayer?: unknown
}

function partsOf(trainee: Trainee): Parts {
  const given = (trainee ?? {}) as {
    optimizer?: TfOptimizer
    variables?: Variable[]
    layers?: Layer[]
    model?: unknown
  }
  const { optimizer, variables } = given
  if (typeof optimizer?.getWeights !== 'function' || !(Array.isArray(variables) || Array.isArray(given.layers))) {
    throw invalid('a compiled model, or { optimizer, variables }', trainee, 'Call model.compile first.')
  }
  if (Array.isArray(variables)) {
    for (const one of variables) checkAlive(one)
    checkDistinct(variables)
    return {
      optimizer,
      weights: variables.map((one) => ({ name: one.name, tensor: one })),
      trained: variables.filter(({ trainable }) => trainable),
    }
  }
  // A Sequential has its trainable weights in a model of its own.
  const inner = (given.model ?? given) as { collectedTrainableWeights: NamedWeight[] }
  return {
    optimizer,
    weights: weightsOf(given as unknown as Layer).map((weight) => ({
      name: weight.originalName,
      tensor: living(weight),
    })),
    trained: inner.collectedTrainableWeights.map((weight) => weight.read()),
  }
}

/** tfjs-layers refuses to read a weight that was disposed of, with an error of its own. */
function living(weight: NamedWeight): Variable {
  try {
    return weight.read()
  } catch (cause) {
    throw new SaltflatError(
      'ERR_DISPOSED',
      `Expected a living model, received one whose weight '${weight.originalName}' was disposed. Build it anew.`,
      { cause },
    )
  }
}

/** Micro-batches count too: they change the optimizer's state. */
function stepsOf(optimizer: TfOptimizer): number {
  return optimizer instanceof FlatOptimizer ? optimizer.training.steps : optimizer.iterations
}

/** By layers: the order that a model itself gives depends on which of them are frozen. */
function weightsOf({ layers, weights, getLayer }: Layer): NamedWeight[] {
  const nested = typeof getLayer === 'function' && Array.isArray(layers)
  return nested ? [...new Set(layers.flatMap(weightsOf))] : weights
}

/** A tensor as bytes of its own. */
function filed({ name, tensor: one }: NamedTensor): CheckpointTensor {
  if (one.dtype !== 'float32' && one.dtype !== 'int32' && one.dtype !== 'bool') {
    throw new SaltflatError(
      'ERR_DTYPE',
      `Expected weights of float32, int32 or bool, received ${one.dtype} in '${name}'. Checkpoints hold no other.`,
    )
  }
  const { buffer, byteOffset, byteLength } = one.dataSync() as Float32Array
  return { name, dtype: one.dtype, shape: one.shape, bytes: new Uint8Array(buffer, byteOffset, byteLength).slice() }
}

const arrays = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const

function loaded({ dtype, shape, bytes }: Omit<CheckpointTensor, 'name'>): Tensor {
  // Views of a file are not aligned, and backends keep what they are given.
  return tensor(new arrays[dtype](Uint8Array.from(bytes).buffer), [...shape], dtype)
}

function folder(dir: unknown): void {
  if (typeof dir !== 'string' || dir === '') throw invalid('a path for dir', dir)
}
