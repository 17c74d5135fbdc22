import { engine, slice, type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import { whole } from '../options.ts'
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
 * BatchNorm layers. A failure leaves everything as it was. Throws ERR_INVALID_ARGUMENT and ERR_EMPTY.
 *
 * @param x inputs, one tensor an input of the model, examples along the first axis
 * @param options `batchSize`: examples a batch, 1 to 2³¹; default 32, that of `fit`
 *
 * @example
 * model.compile({ optimizer: nso(adam(), { batchNorm: 're-estimate' }), loss: 'categoricalCrossentropy' })
 * await model.fit(x, y, { epochs: 3 })
 * console.log(reestimateBatchNorm(model, x)) // → 1
 */
export function reestimateBatchNorm(
  model: LayersModel,
  x: Tensor | readonly Tensor[],
  { batchSize = 32 }: { batchSize?: number } = {},
): number {
  whole('batchSize', batchSize, 1, 2 ** 31)
  const inputs = (Array.isArray(x) ? x : [x]) as readonly Tensor[]
  const total = inputs[0]?.shape[0] ?? 0
  if (total === 0) throw new SaltflatError('ERR_EMPTY', 'Expected at least one example, received none.')
  const layers = batchNorms(model)
  if (layers.length === 0) return 0
  const momenta = layers.map(({ momentum }) => momentum)
  const effects = new SideEffects(model.weights.map((weight) => weight.read() as Variable))
  try {
    for (let start = 0; start < total; start += batchSize) {
      const length = Math.min(batchSize, total - start)
      // moving ← momentum·moving + (1 − momentum)·batch is then the average over all examples so far.
      for (const layer of layers) layer.momentum = start / (start + length)
      effects.during(true, () =>
        tidy(() => {
          const batch = inputs.map((one) =>
            slice(one, [start, ...one.shape.slice(1).map(() => 0)], [length, ...one.shape.slice(1)]),
          )
          const input = batch.length === 1 ? batch[0]! : batch
          withKernels(engine().backendName, () => model.apply(input, { training: true }))
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

/** BatchNormalization layers of a model and of the models inside it. */
function batchNorms(model: { layers: unknown[] }): BatchNorm[] {
  return model.layers.flatMap((layer) => {
    const one = layer as { getClassName(): string; layers?: unknown[] }
    if (one.layers !== undefined) return batchNorms(one as { layers: unknown[] })
    return one.getClassName() === 'BatchNormalization' ? [layer as BatchNorm] : []
  })
}
