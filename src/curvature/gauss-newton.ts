import type { Examples } from '../grads/examples.ts'
import { type BatchProduct, fisherProduct, gaussNewtonProduct } from '../grads/gauss-newton-product.ts'
import type { Model, ModelLoss } from '../grads/model-loss.ts'
import type { Batches } from '../grads/stream.ts'
import { invalid } from '../options.ts'
import type { RunOptions } from './lanczos.ts'
import { type DataOptions, modelData, operatorOn } from './model-data.ts'
import type { Operator } from './operator.ts'
import { refuseWobble } from './wobble.ts'

/** Options of `gaussNewton` and `fisher` on tensors. */
export interface ModelOperatorOptions extends DataOptions {
  /** Examples of a batch, taken in order. Default 256. */
  batchSize?: number
  /** Whether it is checked on the first batch that the loss is the same twice and outputs fit it. Default true. */
  check?: boolean
}

/** Options of `gaussNewton` and `fisher` on data in batches. */
export interface StreamOperatorOptions extends DataOptions, RunOptions {
  /** Whether it is checked that the loss is the same twice, outputs fit it, and two passes see the same. Default true. */
  check?: boolean
}

/**
 * The generalised Gauss–Newton matrix of a compiled model's loss, as an operator: G = JᵀH_LJ, J the Jacobian of the
 * outputs in the weights, H_L the Hessian of the loss in the outputs; layers as at inference.
 *
 * Positive semi-definite, and the Hessian itself where the outputs are linear in the weights. For the losses
 * 'meanSquaredError', 'categoricalCrossentropy', 'sparseCategoricalCrossentropy' and 'binaryCrossentropy': the
 * cross-entropies as of logits, H_L = diag(p) − ppᵀ, which makes G the Fisher matrix of the model. A loss that is a function is
 * differentiated twice in the output: let it be convex there, as `tf.losses.softmaxCrossEntropy` of logits is. Several
 * outputs add up; regularizers add their own Hessian.
 *
 * A product costs about three gradients over the data. Arguments are those of `hessian`, as is what becomes of weights and
 * memory. Throws ERR_UNSUPPORTED for other losses and for outputs that are no probabilities where the loss wants such;
 * and what `hessian` throws. Source: Schraudolph, Neural Computation 2002; Martens, JMLR 2020.
 *
 * @example
 * const { values } = await topEigenvalues(gaussNewton(model, x, y))
 */
export function gaussNewton(model: Model, x: Examples, y: Examples, options?: ModelOperatorOptions): Operator
export function gaussNewton(model: Model, data: Batches, options?: StreamOperatorOptions): Operator
export function gaussNewton(model: Model, ...rest: unknown[]): Operator {
  return made('gaussNewton', gaussNewtonProduct, model, rest)
}

/**
 * The empirical Fisher matrix of a compiled model, as an operator: F = 1/n·Σ gᵢgᵢᵀ, gᵢ the gradient of the loss of
 * example i alone, without regularizers; layers as at inference.
 *
 * Positive semi-definite, of rank n at most. It is the Fisher matrix (`gaussNewton`) only as far as targets are
 * distributed as the model says; and it is no Hessian: where all losses are 0 it is 0. Single gradients are never formed:
 * a product costs about three gradients over the data, whatever n. Arguments are those of `hessian`, as is what becomes
 * of weights and memory. Throws ERR_UNSUPPORTED for a loss that does not say one value an example; and what `hessian`
 * throws. Source: Kunstner, Balles, Hennig, NeurIPS 2019.
 *
 * @example
 * const { mean } = await trace(fisher(model, x, y)) // mean of ‖gᵢ‖² over the examples
 */
export function fisher(model: Model, x: Examples, y: Examples, options?: ModelOperatorOptions): Operator
export function fisher(model: Model, data: Batches, options?: StreamOperatorOptions): Operator
export function fisher(model: Model, ...rest: unknown[]): Operator {
  return made('fisher', fisherProduct, model, rest)
}

function made(of: string, by: (loss: ModelLoss) => BatchProduct, model: Model, rest: readonly unknown[]): Operator {
  const data = modelData<{ check?: boolean }>(of, model, rest, ['check'])
  const { loss, variables, options } = data
  const { check = true } = options
  if (typeof check !== 'boolean') throw invalid('true or false for check', check)
  const { product, inspect } = by(loss)
  return operatorOn(data, {
    variables,
    passes: 3,
    product,
    twice: check,
    inspect: check
      ? (batch) => {
          refuseWobble(batch.loss, variables)
          inspect(batch, variables)
        }
      : null,
  })
}
