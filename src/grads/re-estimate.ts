import { engine, slice, Tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { SaltflatError, said } from '../errors.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { type Examples, inOrder, rowsOf } from './examples.ts'
import { withKernels } from './kernels/index.ts'
import { SideEffects } from './side-effects.ts'

/** What this file uses of a BatchNormalization layer. */
interface BatchNorm {
  momentum: number
}

/**
 * Sets BatchNorm's moving mean and variance to their averages over the batches of `x`, at the weights as they are: what
 * `batchNorm: 're-estimate'` leaves to the end of training. Batches count by their size.
 *
 * One forward pass over `x` in training mode (other layers' dropout is on, as in training). Returns the number of
 * BatchNorm layers. A failure leaves everything as it was. Throws ERR_INVALID_ARGUMENT, ERR_EMPTY, ERR_DISPOSED, and
 * ERR_SHAPE where the model refuses the inputs.
 *
 * @param x inputs as `fit` takes them: one tensor, one an input of the model, or by name; examples along the first axis
 * @param options `batchSize`: examples a batch, 1 to 2³¹; default 32, that of `fit`
 *
 * @example
 * model.compile({ optimizer: nso(adam(), { batchNorm: 're-estimate' }), loss: 'categoricalCrossentropy' })
 * await model.fit(x, y, { epochs: 3 })
 * console.log(reestimateBatchNorm(model, x)) // → 1
 */
export function reestimateBatchNorm(model: LayersModel, x: Examples, options: { batchSize?: number } = {}): number {
  if (typeof (model as Partial<LayersModel> | null)?.apply !== 'function' || !Array.isArray(model.layers)) {
    throw invalid('a tf.LayersModel for the model', model)
  }
  knownKeys('the options of reestimateBatchNorm', options, ['batchSize'])
  const { batchSize = 32 } = options
  whole('batchSize', batchSize, 1, 2 ** 31)
  // A Sequential that is not compiled has no names of inputs yet.
  const names = model.inputs.map(({ sourceLayer }) => sourceLayer.name)
  const inputs = inOrder('x', x, names)
  const total = examplesOf(inputs, names.length)
  const layers = batchNorms(model)
  if (layers.length === 0) return 0
  const momenta = layers.map(({ momentum }) => momentum)
  const effects = new SideEffects(model.weights.map((weight) => weight.read() as Variable))
  try {
    for (let start = 0; start < total; start += batchSize) {
      const length = Math.min(batchSize, total - start)
      // moving ← momentum·moving + (1 − momentum)·batch is then the average over all examples so far.
      for (const layer of layers) layer.momentum = start / (start + length)
      effects.during({ variables: true, states: false }, () =>
        tidy(() => {
          const batch = inputs.map((one) => rowsOf(slice(one, start, length)))
          withKernels(engine().backendName, () => applied(model, batch))
        }),
      )
    }
    effects.commit()
  } catch (error) {
    effects.undo()
    throw error
  } finally {
    for (const [i, layer] of layers.entries()) layer.momentum = momenta[i]!
  }
  return layers.length
}

/** Examples in every input; refuses inputs that have none. */
function examplesOf(inputs: readonly Tensor[], wanted: number): number {
  for (const one of inputs) {
    if (!(one instanceof Tensor)) throw invalid('a tensor, or several in an array or by name, for x', one)
    if (one.isDisposed) {
      throw new SaltflatError('ERR_DISPOSED', 'Expected live tensors for x, received one that was disposed.')
    }
  }
  const [first, ...rest] = inputs.map(({ shape }) => shape[0])
  if (inputs.length === 0 || first === 0) {
    throw new SaltflatError('ERR_EMPTY', 'Expected at least one example, received none.')
  }
  if (inputs.length !== wanted) {
    throw new SaltflatError('ERR_SHAPE', `Expected ${wanted} inputs, as the model has, received ${inputs.length}.`)
  }
  const other = rest.findIndex((count) => count !== first)
  if (first === undefined || other >= 0) {
    const scalar = first === undefined || rest[other] === undefined
    const received = scalar ? 'a scalar' : `${first} and ${rest[other]}`
    throw new SaltflatError('ERR_SHAPE', `Expected as many examples in each input, received ${received}.`)
  }
  return first
}

function applied(model: LayersModel, batch: Tensor[]): void {
  try {
    model.apply(batch.length === 1 ? batch[0]! : batch, { training: true })
  } catch (cause) {
    const text = said(cause)
    throw new SaltflatError('ERR_SHAPE', `Expected inputs that the model takes, received a refusal: ${text}`, { cause })
  }
}

/** BatchNormalization layers of a model and of the models inside it. */
function batchNorms(model: { layers: unknown[] }): BatchNorm[] {
  return model.layers.flatMap((layer) => {
    const one = layer as { getClassName(): string; layers?: unknown[] }
    if (one.layers !== undefined) return batchNorms(one as { layers: unknown[] })
    return one.getClassName() === 'BatchNormalization' ? [layer as BatchNorm] : []
  })
}
