import type { Loss } from '../grads/evaluate.ts'
import type { Examples } from '../grads/examples.ts'
import type { LandscapeData } from '../grads/landscape.ts'
import { type Model, ModelLoss } from '../grads/model-loss.ts'
import { type Batches, inBatches, noTargets, Stream } from '../grads/stream.ts'
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
import type { RunOptions } from './lanczos.ts'
import type { Operator } from './operator.ts'
import { refuseOtherData } from './two-passes.ts'
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
  readonly data: LandscapeData
  /** The Hessian in those that move. */
  hessian(): Operator
}

/** The arguments of a measure: a compiled model and its data, or a loss. */
export type SubjectArguments = readonly [of: unknown, second?: unknown, y?: unknown, options?: unknown]

/** What the arguments of a measure called `name`, with options of its own, speak of. */
export async function subjectOf<O>(name: string, own: readonly string[], args: SubjectArguments): Promise<Subject<O>> {
  const subject = typeof args[0] === 'function' ? lossSubject<O>(name, own, args) : modelSubject<O>(name, own, args)
  const { check } = subject.options as ProductOptions
  const { data, variables, options } = subject
  if (check === false) return subject
  if (typeof data === 'function') await refuseOtherData(variables, data, options as RunOptions, null)
  else refuseWobble(data[0]!.loss, variables)
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
    ...{ options: options as O, variables, mask, data: [{ loss, examples: 1 }] },
    hessian: () => hessian(loss, { ...productOptions(options), variables: variables.filter((_, i) => mask[i]) }),
  }
}

function modelSubject<O>(name: string, own: readonly string[], [of, x, ...rest]: SubjectArguments): Subject<O> {
  if (typeof (of as Model | null)?.apply !== 'function') {
    throw invalid('a model, or a function that returns a loss', of)
  }
  const streamed = inBatches(x)
  if (streamed) noTargets(rest[0])
  const [y, options = {}] = streamed ? [undefined, rest[0]] : rest
  const more = ['filter', 'training', ...productNames, ...(streamed ? [] : ['batchSize'])]
  knownKeys(`the options of ${name}`, options as object, [...own, ...more])
  const { batchSize = 256, filter, training = false } = options as ModelHessianOptions
  whole('batchSize', batchSize, 1, 2 ** 31 - 1)
  const model = of as Model
  const ofModel = new ModelLoss(model, { training })
  const { variables } = ofModel
  const stream = streamed ? new Stream(x as Batches, ofModel) : null
  const data = stream === null ? ofModel.cut(x as Examples, y as Examples, batchSize) : () => stream.pass()
  checkVariables(variables)
  const mask = maskOf(variables, filter)
  const { signal } = options as RunOptions
  const chosen = { ...productOptions(options), filter: (_: string, i: number) => mask[i]!, training }
  return {
    ...{ options: options as O, variables, mask, data },
    hessian: () =>
      streamed
        ? hessian(model, x as Batches, { ...chosen, ...(signal && { signal }) })
        : hessian(model, x as Examples, y as Examples, { ...chosen, batchSize }),
  }
}

/** Those of the options that say how products come about. */
function productOptions(options: unknown): ProductOptions {
  const given = options as Record<string, unknown>
  return Object.fromEntries(productNames.flatMap((name) => (name in given ? [[name, given[name]]] : [])))
}
