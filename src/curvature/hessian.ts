import { SaltflatError } from '../errors.ts'
import { forward, type Loss } from '../grads/evaluate.ts'
import { hessianProduct, still } from '../grads/hessian-product.ts'
import { type Batch, type Examples, type Model, modelLoss } from '../grads/model-loss.ts'
import { invalid, knownKeys, predicate, whole } from '../options.ts'
import { checkVariables, type Variable } from '../params/variables.ts'
import type { ParameterFilter } from '../types.ts'
import { checked, type Operator } from './operator.ts'

/** Options of `hessian` of a model. */
export interface ModelHessianOptions {
  /** Examples of a batch: the Hessian of all data is summed batch by batch, in order. Default 256. */
  batchSize?: number
  /** Which variables the Hessian is taken in. Default: all that are trainable. */
  filter?: ParameterFilter | undefined
  /** Layers as in training: BatchNorm by the batch, dropout with one fixed mask. Default false, as at inference. */
  training?: boolean
}

/** Options of `hessian` of a loss. */
export interface LossHessianOptions {
  /** The variables that the Hessian is taken in, in the order of the flat vectors. */
  variables: readonly Variable[]
}

/**
 * The Hessian of a loss at the present weights, as an operator: products with vectors, never a matrix.
 *
 * H v = ∇⟨∇f(W), v⟩, exact (see `withSecondOrder` for what that needs). Of a compiled model on data, f is the loss that
 * `fit` would report at these weights with layers as at inference, regularizers included; of a function, f is what it
 * returns, and it must return the same every time. Flat vectors follow the order of the trainable variables.
 *
 * A product costs about three gradients over the data on tensorflow, more on cpu and wasm; weights, BatchNorm statistics and `tf.memory()` are as before, also
 * after a throw. Kinks (relu, max pooling) have no second derivative, which counts as 0, as in PyTorch. Throws ERR_STATE
 * for a model that is not compiled; ERR_LOSS for a loss that is not the same twice, throws, or has no second derivative
 * (the message names the kernel); ERR_SHAPE, ERR_DTYPE and ERR_NOT_FINITE.
 *
 * @example
 * const H = hessian(model, x, y)
 * const { mean, standardError } = await trace(H, { probes: 32 })
 */
export function hessian(model: Model, x: Examples, y: Examples, options?: ModelHessianOptions): Operator
export function hessian(loss: Loss, options: LossHessianOptions): Operator
export function hessian(
  of: Model | Loss,
  second: Examples | LossHessianOptions,
  y?: Examples,
  options: ModelHessianOptions = {},
): Operator {
  if (typeof of === 'function') return ofLoss(of, second as LossHessianOptions)
  if (typeof of?.apply !== 'function') throw invalid('a model, or a function that returns a loss', of)
  knownKeys('the options of hessian', options, ['batchSize', 'filter', 'training'])
  const { batchSize = 256, filter, training = false } = options
  whole('batchSize', batchSize, 1, 2 ** 31 - 1)
  const passes = predicate(filter)
  const { variables, batches } = modelLoss(of, second as Examples, y as Examples, { batchSize, training })
  const chosen = variables.filter(({ name }, i) => passes(name, i))
  if (variables.length > 0 && chosen.length === 0) {
    throw invalid('a filter that matches a variable', filter)
  }
  return made(chosen, batches)
}

function ofLoss(loss: Loss, options: LossHessianOptions): Operator {
  knownKeys('the options of hessian', options, ['variables'])
  if (!Array.isArray(options.variables)) throw invalid('an array of variables', options.variables)
  return made(options.variables, [{ loss, examples: 1 }])
}

function made(variables: readonly Variable[], batches: readonly Batch[]): Operator {
  checkVariables(variables)
  const size = variables.reduce((sum, one) => sum + one.size, 0)
  const examples = batches.reduce((sum, one) => sum + one.examples, 0)
  refuseWobble(batches[0]!.loss, variables)
  return {
    size,
    blocks: variables.map(({ name, size: length }) => ({ name, size: length })),
    passes: 3 * batches.length,
    matvec(v) {
      checked(v, size, 'a vector')
      if (!v.every(Number.isFinite)) {
        throw new SaltflatError('ERR_NOT_FINITE', 'Expected a finite vector, received NaN or Infinity in it.')
      }
      checkVariables(variables)
      if (batches.length === 1) return hessianProduct(batches[0]!.loss, variables, v)
      const sum = new Float64Array(size)
      for (const batch of batches) {
        const product = hessianProduct(batch.loss, variables, v)
        for (let i = 0; i < size; i++) sum[i]! += product[i]! * (batch.examples / examples)
      }
      return Float32Array.from(sum)
    },
  }
}

/** A loss that draws at random, or changes what it reads, has no Hessian. */
function refuseWobble(loss: Loss, variables: readonly Variable[]): void {
  const [first, second] = [0, 1].map(() => still(variables, () => forward(loss)))
  if (first !== second) {
    throw new SaltflatError(
      'ERR_LOSS',
      `Expected a loss that is the same every time, received ${first} and then ${second}. Take one batch, and layers as at inference.`,
    )
  }
}
