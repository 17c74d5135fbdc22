import { add, div, mean, reshape, type Tensor } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import type { Bend } from './jacobian-product.ts'
import type { ModelBatch, ModelLoss } from './model-loss.ts'

/** The loss of each example of a batch, without the regularizers', summed over the outputs: a vector. */
export function perExample({ lossFunctions }: ModelLoss, batch: ModelBatch): Tensor {
  const targets = batch.targets()
  const losses = batch.outputs().map((output, i) => {
    const found = lossFunctions[i]!(targets[i]!, output)
    if (found.rank === 0 || found.shape[0] !== batch.examples) {
      throw new SaltflatError(
        'ERR_UNSUPPORTED',
        `Expected a loss with one value an example, ${batch.examples} here, received shape [${found.shape}]. Compile with one that does not average over examples.`,
      )
    }
    return found.rank === 1 ? found : mean(reshape(found, [batch.examples, -1]), 1)
  })
  return losses.reduce((a, b) => add(a, b))
}

/** Between the Jacobian of the losses and its transpose: a mean over examples. */
export const averaged: Bend = ([losses], [tangent]) => [div(tangent!, losses!.size)]
