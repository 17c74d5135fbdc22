import { SaltflatError } from '../errors.ts'
import { differenceProduct, differenceStep } from '../grads/difference-product.ts'
import { type Loss, value } from '../grads/evaluate.ts'
import type { Examples } from '../grads/examples.ts'
import { hessianProduct } from '../grads/hessian-product.ts'
import { kinksOf } from '../grads/kinks.ts'
import type { Batch, Model } from '../grads/model-loss.ts'
import type { Batches } from '../grads/stream.ts'
import { invalid, knownKeys, number, oneOf } from '../options.ts'
import { checkVariables, type Variable } from '../params/variables.ts'
import type { RunOptions } from './lanczos.ts'
import { type DataOptions, type ModelData, modelData, operatorOn } from './model-data.ts'
import type { Operator } from './operator.ts'
import { overBatches, type Recipe } from './over-data.ts'
import { type SelfCheck, selfCheck } from './self-check.ts'
import { refuseWobble } from './wobble.ts'

/** How products are taken. */
export interface ProductOptions {
  /**
   * 'exact': by gradients of gradients, about three gradients a product; 'difference': by a central difference of gradients,
   * two gradients, right to 1e-2 to 1e-4. Default 'exact'.
   */
  method?: 'exact' | 'difference'
  /**
   * Of 'difference': how far the weights are moved each way, as a Euclidean norm, > 0. Default 0.3·√ε·(1 + ‖W‖), ε = 2⁻²³,
   * where rounding and truncation balance. To be given where the loss has kinks, whose Hessian it smooths: 0.05 to 0.1.
   */
  step?: number
  /**
   * Whether it is checked on its first batch that the loss is the same twice, products are symmetric, and, without kinks,
   * agree with differences of gradients: some ten gradients, once; and of streamed data, that two passes see the same. Default true.
   */
  check?: boolean
}

/** Options of `hessian` of a model on tensors. */
export interface ModelHessianOptions extends DataOptions, ProductOptions {
  /** Examples of a batch: the Hessian of all data is summed batch by batch, in order. Default 256. */
  batchSize?: number
  /** Layers as in training: BatchNorm by the batch, dropout with one fixed mask. Default false, as at inference. */
  training?: boolean
}

/** Options of `hessian` of a model on data in batches. */
export interface StreamHessianOptions extends DataOptions, ProductOptions, RunOptions {
  /** Layers as in training: BatchNorm by the batch, dropout with one fixed mask. Default false, as at inference. */
  training?: boolean
}

/** Options of `hessian` of a loss. */
export interface LossHessianOptions extends ProductOptions {
  /** The variables that the Hessian is taken in, in the order of the flat vectors. */
  variables: readonly Variable[]
}

/** A Hessian, and how its products come about. */
export interface HessianOperator extends Operator {
  /** How products are taken. */
  readonly method: 'exact' | 'difference'
  /** Of 'difference': how far the weights are moved each way. */
  readonly step: number | null
  /** Whether the loss has kinks and differences run across them: then it is the Hessian of a loss smoothed over `step`. */
  readonly smoothed: boolean
  /** What the check found; null without one, and for data in batches before the first product. */
  readonly selfCheck: SelfCheck | null
}

/** Names of how products come about, for whoever passes them on. */
export const productNames = ['method', 'step', 'check'] as const

/**
 * The Hessian of a loss at the present weights, as an operator: products with vectors, never a matrix.
 *
 * H v = ∇⟨∇f(W), v⟩, exact (see `withSecondOrder` for what that needs), or a difference of gradients. Of a compiled model on data, f is the loss that
 * `fit` would report at these weights with layers as at inference, regularizers included; of a function, f is what it
 * returns, and it must return the same every time. Flat vectors follow the order of the trainable variables. Data is
 * what `fit` takes, a tensor, one for each input or output, or an object of them by name; or it comes in batches
 * `{ xs, ys }` as `fitDataset` takes them, one held at a time, weighted by their examples: products are promises then,
 * `signal` ends one between batches and `onProgress` is told after each.
 *
 * A product costs about three gradients over the data on tensorflow, more on cpu and wasm; weights, BatchNorm statistics and `tf.memory()` are as before, also
 * after a throw. Kinks (relu, max pooling) have no second derivative, which counts as 0, as in PyTorch. Throws ERR_STATE
 * for a model that is not compiled; ERR_LOSS for a loss that is not the same twice, throws, or has no second derivative
 * (the message names the kernel), or a wrong one; ERR_INVALID_ARGUMENT for batches that are not the same at every pass;
 * ERR_SHAPE, ERR_DTYPE and ERR_NOT_FINITE.
 *
 * @example
 * const H = hessian(model, x, y)
 * const { mean, standardError } = await trace(H, { probes: 32 })
 *
 * @example
 * const H = hessian(model, [{ xs: x, ys: y }], { onProgress: ({ done, total }) => console.log(done, total) })
 * console.log((await H.matvec(new Float32Array(H.size))).length === H.size) // → 1 1 …
 */
export function hessian(model: Model, x: Examples, y: Examples, options?: ModelHessianOptions): HessianOperator
export function hessian(model: Model, data: Batches, options?: StreamHessianOptions): HessianOperator
export function hessian(loss: Loss, options: LossHessianOptions): HessianOperator
export function hessian(of: Model | Loss, ...rest: unknown[]): HessianOperator {
  if (typeof of === 'function') return ofLoss(of, rest[0] as LossHessianOptions)
  const given = modelData<ProductOptions & { training?: boolean }>('hessian', of, rest, [...productNames, 'training'])
  return ofModel(given)
}

function ofLoss(loss: Loss, options: LossHessianOptions): HessianOperator {
  knownKeys('the options of hessian', options, ['variables', ...productNames])
  const { variables } = options
  if (!Array.isArray(variables)) throw invalid('an array of variables', variables)
  return made(variables, options, (recipe) => overBatches(recipe, [{ loss, examples: 1 }]))
}

function ofModel(given: ModelData<ProductOptions & RunOptions>): HessianOperator {
  return made(given.variables, given.options, (recipe) => operatorOn(given, recipe))
}

function made<B extends Batch>(
  variables: readonly Variable[],
  { method = 'exact', step: given, check = true }: ProductOptions,
  over: (recipe: Recipe<B>) => Operator,
): HessianOperator {
  oneOf('method', method, ['exact', 'difference'])
  if (given !== undefined) number('step', given, { min: 0, open: true })
  if (given !== undefined && method === 'exact') throw invalid("no step unless the method is 'difference'", given)
  if (typeof check !== 'boolean') throw invalid('true or false for check', check)
  checkVariables(variables)
  const exact = method === 'exact'
  const delta = given ?? differenceStep(variables)
  const difference = (batch: B, factor: number) => (v: Float32Array) =>
    differenceProduct(batch.loss, variables, v, factor * delta)
  let smoothed = false
  let found: SelfCheck | null = null
  const inspect = (batch: B) => {
    if (check) refuseWobble(batch.loss, variables)
    const kinked = kinksOf(variables, () => value(batch.loss))
    if (!exact && kinked.length > 0 && given === undefined) throw stepWanted(kinked)
    smoothed = !exact && kinked.length > 0
    if (!check) return
    const size = variables.reduce((sum, one) => sum + one.size, 0)
    const product = exact ? (v: Float32Array) => hessianProduct(batch.loss, variables, v) : difference(batch, 1)
    const differences = kinked.length > 0 ? null : ([difference(batch, 1), difference(batch, 2)] as const)
    found = selfCheck(size, product, differences, exact)
  }
  const operator = over({
    variables,
    passes: exact ? 3 : 2,
    inspect: check || !exact ? inspect : null,
    twice: check,
    product: (batch, chosen, v) =>
      exact ? hessianProduct(batch.loss, chosen, v) : differenceProduct(batch.loss, chosen, v, delta),
  })
  return Object.defineProperties(operator, {
    method: { value: method, enumerable: true },
    step: { value: exact ? null : delta, enumerable: true },
    smoothed: { get: () => smoothed, enumerable: true },
    selfCheck: { get: () => found, enumerable: true },
  }) as HessianOperator
}

function stepWanted(kinks: readonly string[]): SaltflatError {
  return new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected a step for differences of a loss with kinks (${kinks.join(', ')}), whose Hessian they smooth over it, received none. Set step to about 0.1, or take method: 'exact'.`,
  )
}
