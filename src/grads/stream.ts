import { Tensor } from '@tensorflow/tfjs-core'
import { SaltflatError, said } from '../errors.ts'
import { invalid } from '../options.ts'
import type { Examples } from './examples.ts'
import type { ModelBatch, ModelLoss } from './model-loss.ts'

/** One batch, as `fitDataset` takes it. */
export interface DataBatch {
  /** Inputs: one tensor, one each, or by name. */
  readonly xs: Examples
  /** Targets: one tensor, one each, or by name. */
  readonly ys: Examples
}

/** What has an iterator, as a `tf.data.Dataset` has. */
interface Dataset {
  iterator(): Promise<{ next(): Promise<{ value: unknown; done?: boolean }> }>
}

/**
 * Data in batches, the same at every pass: an array of them, a `tf.data.Dataset` or another iterable, or a function that
 * gives one anew. Batches of an array stay the caller's; any others are disposed after use, as `fitDataset` does.
 */
export type Batches =
  | readonly DataBatch[]
  | Iterable<DataBatch>
  | AsyncIterable<DataBatch>
  // tfjs-data is no dependency, and its elements are of many types.
  | {
      /** Begins a pass, as that of a `tf.data.Dataset` does. */
      iterator(): Promise<unknown>
    }
  | (() => unknown)

/** Whether data is given in batches, and not as tensors. */
export function inBatches(given: unknown): given is Batches {
  if (typeof given === 'function') return true
  if (typeof given !== 'object' || given === null || given instanceof Tensor || ArrayBuffer.isView(given)) return false
  if (Array.isArray(given)) return given.length > 0 && given.every((one) => one?.xs !== undefined)
  const one = given as Record<PropertyKey, unknown>
  return [one.iterator, one[Symbol.iterator], one[Symbol.asyncIterator]].some((of) => typeof of === 'function')
}

/** Data in batches comes with its targets: whoever gives them once more would have them taken for options. */
export function noTargets(given: unknown): void {
  const values = typeof given === 'object' && given !== null ? Object.values(given) : []
  const targets = given instanceof Tensor || Array.isArray(given) || values.some((one) => one instanceof Tensor)
  if (!targets) return
  const advice = 'Leave y out, or give x as tensors.'
  throw invalid('no targets beside data in batches, which has them as ys', given, advice)
}

/** The batches of a model's data, read anew at each pass: one is held at a time. */
export class Stream {
  readonly #given: Batches
  readonly #loss: ModelLoss

  constructor(given: Batches, loss: ModelLoss) {
    this.#given = given
    this.#loss = loss
  }

  /** One pass. */
  async *pass(): AsyncGenerator<ModelBatch, void, void> {
    for await (const one of elements(this.#given)) {
      try {
        yield this.#batch(one)
      } finally {
        if (!Array.isArray(this.#given)) for (const tensor of tensorsIn(one)) tensor.dispose()
      }
    }
  }

  #batch(given: unknown): ModelBatch {
    const { xs, ys } = (given ?? {}) as Partial<DataBatch>
    if (xs === undefined || ys === undefined) throw invalid('batches of { xs, ys } of the data', given)
    return this.#loss.whole(xs, ys, ['xs', 'ys'])
  }
}

async function* elements(given: unknown): AsyncGenerator<unknown, void, void> {
  try {
    const from = typeof given === 'function' ? await given() : given
    if (typeof (from as Partial<Dataset> | null)?.iterator === 'function') {
      const iterator = await (from as Dataset).iterator()
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    } else if (typeof from === 'object' && from !== null && (Symbol.iterator in from || Symbol.asyncIterator in from)) {
      yield* from as AsyncIterable<unknown>
    } else {
      throw invalid('batches from the function', from)
    }
  } catch (error) {
    if (error instanceof SaltflatError) throw error
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected batches of the data, received a throw: ${said(error)}`, {
      cause: error,
    })
  }
}

function tensorsIn(given: unknown): Tensor[] {
  if (given instanceof Tensor) return [given]
  if (typeof given !== 'object' || given === null) return []
  return Object.values(given).flatMap(tensorsIn)
}
