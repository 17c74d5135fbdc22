import type { Loss } from '../grads/evaluate.ts'
import { type Batch, type Examples, type Model, ModelLoss } from '../grads/model-loss.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { maskOf } from '../params/mask.ts'
import { checkVariables, type Variable } from '../params/variables.ts'
import type { ParameterFilter } from '../types.ts'
import {
  hessian,
  type LossHessianOptions,
  type ModelHessianOptions,
  type ProductOptions,
  productNames,
} from './hessian.ts'
import type { Operator } from './operator.ts'
import { refuseWobble } from './wobble.ts'

/** What the measures take besides their own options where the loss is a function. */
export interface LossSubjectOptions extends LossHessianOptions {
  /** Which variables move. Default: all. */
  filter?: ParameterFilter | undefined
}

/** What a measure is taken of. */
export interface Subject<O> {
  readonly options: O
  /** All trainable variables, in order. */
  readonly variables: readonly Variable[]
  /** Which of them move. */
  readonly mask: readonly boolean[]
  readonly batches: readonly Batch[]
  /** The Hessian in those that move. */
  hessian(): Operator
}

/** The arguments of a measure: a compiled model and its data, or a loss. */
export type SubjectArguments = readonly [of: unknown, second?: unknown, y?: unknown, options?: unknown]

/** What the arguments of a measure called `name`, with options of its own, speak of. */
export function subjectOf<O>(name: string, own: readonly string[], args: SubjectArguments): Subject<O> {
  const subject = typeof args[0] === 'function' ? lossSubject<O>(name, own, args) : modelSubject<O>(name, own, args)
  const { check } = subject.options as ProductOptions
  if (check !== false) refuseWobble(subject.batches[0]!.loss, subject.variables)
  return subject
}

function lossSubject<O>(name: string, own: readonly string[], [of, options]: SubjectArguments): Subject<O> {
  knownKeys(`the options of ${name}`, options as object, [...own, 'variables', 'filter', ...productNames])
  const { variables, filter } = options as LossSubjectOptions
  if (!Array.isArray(variables)) throw invalid('an array of variables', variables)
  checkVariables(variables)
  const mask = maskOf(variables, filter)
  const loss = of as Loss
  return {
    ...{ options: options as O, variables, mask, batches: [{ loss, examples: 1 }] },
    hessian: () => hessian(loss, { ...productOptions(options), variables: variables.filter((_, i) => mask[i]) }),
  }
}

function modelSubject<O>(name: string, own: readonly string[], [of, x, y, options]: SubjectArguments): Subject<O> {
  if (typeof (of as Model | null)?.apply !== 'function') {
    throw invalid('a model, or a function that returns a loss', of)
  }
  knownKeys(`the options of ${name}`, options as object, [...own, 'batchSize', 'filter', 'training', ...productNames])
  const { batchSize = 256, filter, training = false } = options as ModelHessianOptions
  whole('batchSize', batchSize, 1, 2 ** 31 - 1)
  const [model, inputs, targets] = [of as Model, x as Examples, y as Examples]
  const ofModel = new ModelLoss(model, { training })
  const { variables } = ofModel
  const batches = ofModel.cut(inputs, targets, batchSize)
  checkVariables(variables)
  const mask = maskOf(variables, filter)
  return {
    ...{ options: options as O, variables, mask, batches },
    hessian: () =>
      hessian(model, inputs, targets, {
        ...productOptions(options),
        ...{ batchSize, filter: (_, i) => mask[i]!, training },
      }),
  }
}

/** Those of the options that say how products come about. */
function productOptions(options: unknown): ProductOptions {
  const given = options as Record<string, unknown>
  return Object.fromEntries(productNames.flatMap((name) => (name in given ? [[name, given[name]]] : [])))
}
