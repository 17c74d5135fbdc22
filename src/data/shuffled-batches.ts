import { gather, type Tensor, tensor1d, tidy } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { permutation } from './permutation.ts'
import { lastEpoch, type Place, placeFrom } from './place.ts'

/** A tensor, several, or several by name: what a model has as its inputs or outputs. */
export type Tensors = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>

/** One batch, in the form that `fitDataset` wants: tensors as they were given, cut along their first axis. */
export interface Batch<X extends Tensors, Y extends Tensors> {
  /** Inputs. */
  readonly xs: X
  /** Targets. */
  readonly ys: Y
}

/** Options of `shuffledBatches`. */
export interface ShuffledBatchesOptions {
  /** Examples a batch: a whole number ≥ 1. Default 32, as in `fit`. */
  batchSize?: number
  /** Seed of the order: a safe integer ≥ 0. */
  seed: number
  /**
   * What the first iterator is for: the place that `resume` returned, whole, or `{ initialEpoch, startBatch }`. Default: the
   * beginning of epoch 0.
   */
  from?: Place
  /** Whether a last batch smaller than the others is kept. Default true, as in tfjs-data. */
  smallLastBatch?: boolean
}

const names = ['batchSize', 'seed', 'from', 'smallLastBatch'] as const

/** What an iterator of a dataset returns. */
export type Next<T> = { readonly value: T; readonly done: false } | { readonly value: null; readonly done: true }

/** Batches of some examples, in an order of its own every epoch. Made by `shuffledBatches`. */
export class ShuffledBatches<X extends Tensors, Y extends Tensors> {
  /** Batches an epoch. */
  readonly size: number
  readonly #xs: X
  readonly #ys: Y
  readonly #examples: number
  readonly #options: Required<ShuffledBatchesOptions>
  #epoch: number
  #from: number

  /** @internal use `shuffledBatches` */
  constructor(xs: X, ys: Y, options: Required<ShuffledBatchesOptions>) {
    const { batchSize, from, smallLastBatch } = options
    this.#xs = xs
    this.#ys = ys
    this.#options = options
    this.#examples = examplesOf(xs, ys)
    this.size = smallLastBatch ? Math.ceil(this.#examples / batchSize) : Math.floor(this.#examples / batchSize)
    if (this.size === 0) throw invalid(`a batchSize of at most ${this.#examples}, the number of examples`, batchSize)
    this.#epoch = from.initialEpoch
    this.#from = whole('startBatch', from.startBatch, 0, this.size - 1)
  }

  /**
   * The batches of an epoch from batch `from` on, for a loop of your own. Each lives until the next one is asked for, or
   * the loop is left; clone what you keep.
   */
  *epoch(epoch: number, from = 0): Generator<Batch<X, Y>, void, void> {
    whole('epoch', epoch, 0, lastEpoch)
    whole('from', from, 0, this.size)
    for (const indices of this.#indices(epoch, from)) {
      const batch = this.#take(indices)
      try {
        yield batch
      } finally {
        for (const one of [...listOf(batch.xs), ...listOf(batch.ys)]) one.dispose()
      }
    }
  }

  /**
   * The next epoch, for `fitDataset`, which disposes of the batches itself. Leave out its `batchesPerEpoch`: an epoch ends
   * with its iterator.
   */
  async iterator(): Promise<{
    /** The next batch, or that there is none. */
    next(): Promise<Next<Batch<X, Y>>>
  }> {
    let indices: Iterator<Int32Array> | null = null
    return {
      next: async () => {
        // fitDataset asks for an iterator that it never uses: an epoch begins with its first batch.
        indices ??= this.#indices(this.#epoch++, this.#from)
        this.#from = 0
        const { value, done } = indices.next()
        return done ? { value: null, done } : { value: this.#take(value), done: false }
      },
    }
  }

  *#indices(epoch: number, from: number): Generator<Int32Array, void, void> {
    const { seed, batchSize } = this.#options
    const order = permutation(seed, epoch, this.#examples)
    for (let batch = from; batch < this.size; batch++) {
      yield order.subarray(batch * batchSize, (batch + 1) * batchSize)
    }
  }

  #take(indices: Int32Array): Batch<X, Y> {
    for (const one of [...listOf(this.#xs), ...listOf(this.#ys)]) refuseDisposed(one)
    // A copy: backends may keep what they are given.
    const chosen = tensor1d(indices.slice(), 'int32')
    try {
      const batch = (tensors: Tensors) => mapped(tensors, (one) => tidy(() => gather(one, chosen)))
      return { xs: batch(this.#xs) as X, ys: batch(this.#ys) as Y }
    } finally {
      chosen.dispose()
    }
  }
}

/**
 * Batches of tensors in an order that is a function of the seed and the epoch alone, so that a resumed run sees what an
 * uninterrupted one would have seen. A dataset for `fitDataset`, and generators for loops of your own; several inputs or
 * outputs are given as an array, or by name. Each order is as likely as any other (Fisher–Yates on Philox, stream 4); the
 * same seed gives `fit` with `shuffled` the same order. Costs one gather a batch; x and y stay yours.
 *
 * Throws ERR_INVALID_ARGUMENT for options, ERR_SHAPE where the numbers of examples differ, ERR_EMPTY where there are none,
 * ERR_DISPOSED for tensors that were disposed of.
 *
 * @example
 * const data = shuffledBatches(x, y, { batchSize: 8, seed: 7 })
 * await model.fitDataset(data, { epochs: 2 })
 *
 * // Or in a loop of your own, from any step on:
 * const step = 6
 * const batches = data.epoch(Math.floor(step / data.size), step % data.size)
 * for (const { xs, ys } of batches) await model.trainOnBatch(xs, ys)
 */
export function shuffledBatches<X extends Tensors, Y extends Tensors>(
  x: X,
  y: Y,
  options: ShuffledBatchesOptions,
): ShuffledBatches<X, Y> {
  knownKeys('the options of shuffledBatches', options, names)
  const { batchSize = 32, seed, smallLastBatch = true } = options
  whole('batchSize', batchSize, 1, 2 ** 31 - 1)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (typeof smallLastBatch !== 'boolean') throw invalid('true or false for smallLastBatch', smallLastBatch)
  return new ShuffledBatches(x, y, { batchSize, seed, from: placeFrom(options.from), smallLastBatch })
}

function examplesOf(xs: Tensors, ys: Tensors): number {
  const lists = [listOf(xs), listOf(ys)]
  if (lists.some((list) => list.length === 0)) throw invalid('at least one tensor for x and for y', lists)
  const all = lists.flat()
  for (const one of all) {
    if (!isTensor(one)) throw invalid('tensors, arrays of them, or objects of them by name, for x and y', one)
    refuseDisposed(one)
    if (one.rank === 0) throw new SaltflatError('ERR_SHAPE', 'Expected examples along a first axis, received a scalar.')
  }
  const counts = all.map(({ shape }) => shape[0]!)
  const differing = counts.find((count) => count !== counts[0])
  if (differing !== undefined) {
    throw new SaltflatError(
      'ERR_SHAPE',
      `Expected as many examples in every tensor, received ${counts[0]} in one and ${differing} in another.`,
    )
  }
  if (counts[0] === 0) throw new SaltflatError('ERR_EMPTY', 'Expected at least one example, received none.')
  return counts[0]!
}

function isTensor(value: unknown): value is Tensor {
  return typeof (value as Tensor | null)?.dataSync === 'function'
}

function listOf(tensors: Tensors): readonly Tensor[] {
  if (isTensor(tensors)) return [tensors]
  return Array.isArray(tensors) ? tensors : Object.values(tensors ?? {})
}

function mapped(tensors: Tensors, f: (one: Tensor) => Tensor): Tensors {
  if (isTensor(tensors)) return f(tensors)
  if (Array.isArray(tensors)) return tensors.map(f)
  return Object.fromEntries(Object.entries(tensors).map(([name, one]) => [name, f(one)]))
}

function refuseDisposed(one: Tensor): void {
  if (!one.isDisposed) return
  throw new SaltflatError('ERR_DISPOSED', 'Expected live tensors for x and y, received one that was disposed.')
}
