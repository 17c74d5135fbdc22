import { invalid, whole } from '../options.ts'

/** Where a run stands: what `resume` returns, and what goes on from there takes. */
export interface Place {
  /** Whole epochs done: what `fit` and `fitDataset` call `initialEpoch`. */
  readonly initialEpoch: number
  /** Batches done of the epoch after these; above 0 only in mid-epoch. */
  readonly startBatch: number
}

/** Epochs have a word of the generator's counter. */
export const lastEpoch: number = 2 ** 32 - 1

/** An option `from`, checked; what else `resume` returns may stand in it. Default: the beginning. */
export function placeFrom(from: unknown = { initialEpoch: 0, startBatch: 0 }): Place {
  if (typeof from !== 'object' || from === null) {
    throw invalid('what resume returned, or { initialEpoch, startBatch }, for from', from)
  }
  const { initialEpoch, startBatch } = from as Place
  whole('initialEpoch', initialEpoch, 0, lastEpoch)
  whole('startBatch', startBatch, 0, Number.MAX_SAFE_INTEGER)
  return { initialEpoch, startBatch }
}
