import type { Examples } from '../grads/examples.ts'
import { type Model, type ModelBatch, ModelLoss } from '../grads/model-loss.ts'
import { type Batches, inBatches, noTargets, Stream } from '../grads/stream.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { maskOf } from '../params/mask.ts'
import type { Variable } from '../params/variables.ts'
import type { ParameterFilter } from '../types.ts'
import type { RunOptions } from './lanczos.ts'
import type { Operator } from './operator.ts'
import { overBatches, overStream, type Recipe } from './over-data.ts'

/** Options of every operator of a model. */
export interface DataOptions {
  /** Which variables the operator acts on, by name, regular expression or function. Default: all that are trainable. */
  filter?: ParameterFilter | undefined
}

/** A model and its data, as an operator's arguments give them. */
export interface ModelData<O> {
  readonly loss: ModelLoss
  /** Those that the filter has chosen. */
  readonly variables: readonly Variable[]
  readonly options: O
  /** All batches, where the data is tensors. */
  readonly batches: readonly ModelBatch[] | null
  readonly stream: Stream | null
}

/** Reads `(model, x, y, options)` or `(model, data, options)` of the function `of`. */
export function modelData<O>(
  of: string,
  model: unknown,
  rest: readonly unknown[],
  names: readonly string[],
): ModelData<O & DataOptions & RunOptions> {
  if (typeof (model as Partial<Model> | null)?.apply !== 'function') {
    throw invalid('a model, or a function that returns a loss', model)
  }
  const streamed = inBatches(rest[0])
  if (streamed) noTargets(rest[1])
  const { [streamed ? 1 : 2]: options = {} } = rest as object[]
  knownKeys(`the options of ${of}`, options, [
    'filter',
    ...names,
    ...(streamed ? ['signal', 'onProgress'] : ['batchSize']),
  ])
  const {
    batchSize = 256,
    filter,
    training = false,
  } = options as DataOptions & { batchSize?: number; training?: boolean }
  whole('batchSize', batchSize, 1, 2 ** 31 - 1)
  const loss = new ModelLoss(model as Model, { training })
  // A model without variables has an error of its own.
  const mask = loss.variables.length > 0 ? maskOf(loss.variables, filter) : []
  const variables = loss.variables.filter((_, i) => mask[i])
  return {
    loss,
    variables,
    options: options as O & DataOptions & RunOptions,
    batches: streamed ? null : loss.cut(rest[0] as Examples, rest[1] as Examples, batchSize),
    stream: streamed ? new Stream(rest[0] as Batches, loss) : null,
  }
}

/** The operator of a recipe on that data. */
export function operatorOn({ batches, stream, options }: ModelData<RunOptions>, recipe: Recipe<ModelBatch>): Operator {
  return batches !== null ? overBatches(recipe, batches) : overStream(recipe, () => stream!.pass(), options)
}
