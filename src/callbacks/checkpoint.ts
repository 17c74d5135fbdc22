import { Callback } from '@tensorflow/tfjs-layers'
import { type Place, placeFrom } from '../data/place.ts'
import { SaltflatError } from '../errors.ts'
import { defaultKeep, saveCheckpoint } from '../io/checkpoints.ts'
import { invalid, knownKeys, whole } from '../options.ts'

/** Options of `checkpoint`. */
export interface CheckpointOptions {
  /** Folder for the checkpoints of one run; made where it is missing. */
  dir: string
  /**
   * Epochs, or `{ steps }` batches, from one checkpoint to the next: a whole number ≥ 1. Default 1 epoch: `fit` can begin at
   * epochs only, and an epoch costs many times what it costs to write the weights. From a state in mid-epoch, as `{ steps }`
   * leaves them, `fitDataset` goes on to the bit; `fit` refuses its place, see `from`.
   */
  every?:
    | number
    | {
        /** Batches. */
        readonly steps: number
      }
  /** Newest files to keep: a whole number ≥ 1. Default 2: the newest, and one in case a disk damages that. */
  keep?: number
  /**
   * The place that `resume` returned, whole, as it is given to `shuffledBatches`: batches are counted from there. One in
   * mid-epoch ends `fit`, which would begin that epoch anew, with ERR_UNSUPPORTED. Default: the beginning of an epoch.
   */
  from?: Place
}

/**
 * A callback that writes checkpoints from which `resume` goes on to the bit: weights, all of the optimizer, the place in the
 * run. One is written every so many epochs and after the last, each whole or not at all; see `saveCheckpoint`.
 *
 * An epoch that is broken off (`model.stopTraining`) is not saved: resuming does it again, as an uninterrupted run did it.
 * With `{ steps }` also states in mid-epoch are saved, where `fitDataset` with `shuffledBatches` goes on to the bit, given
 * `from`; `fit`, which would begin that epoch anew, refuses them. Give it as the last callback, so that what others change is
 * saved.
 * Throws ERR_INVALID_ARGUMENT for options; what `saveCheckpoint` throws ends the training.
 *
 * @example
 * const { initialEpoch } = await resume(model, 'run')
 * await model.fit(x, y, { epochs: 4, initialEpoch, callbacks: [shuffled({ seed: 7 }), checkpoint({ dir: 'run' })] })
 */
export function checkpoint(options: CheckpointOptions): Callback {
  knownKeys('the options of checkpoint', options, ['dir', 'every', 'keep', 'from'])
  const { dir, every = 1, keep = defaultKeep } = options
  if (typeof dir !== 'string' || dir === '') throw invalid('a path for dir', dir)
  const most = Number.MAX_SAFE_INTEGER
  if (typeof every === 'object' && every !== null) {
    knownKeys('every', every, ['steps'])
    whole('steps', every.steps, 1, most)
  } else whole('every', every, 1, most)
  whole('keep', keep, 1, most)
  return new Checkpoint({ dir, every, keep, from: placeFrom(options.from) })
}

class Checkpoint extends Callback {
  readonly #options: Required<CheckpointOptions>
  /** Epoch that runs, and batches of it that are done. */
  #epoch = 0
  #batches = 0
  #start = 0
  /** Batches since training began. */
  #steps = 0
  /** Batches of an epoch, where they are known. */
  #size: number | null = null
  /** The last state at the end of an epoch that is not saved yet. */
  #unsaved: number | null = null

  constructor(options: Required<CheckpointOptions>) {
    super()
    this.#options = options
  }

  override async onTrainBegin(): Promise<void> {
    const { samples, batchSize, steps } = this.params as Record<string, number | null>
    this.#size = steps ?? (samples != null && batchSize != null ? Math.ceil(samples / batchSize) : null)
    this.#start = this.#options.from.startBatch
    if (samples != null && this.#start > 0) throw inMidEpoch(this.#options.from)
    this.#steps = 0
    this.#unsaved = null
  }

  override async onEpochBegin(epoch: number): Promise<void> {
    this.#epoch = epoch
    this.#batches = this.#start
    this.#start = 0
  }

  override async onBatchEnd(): Promise<void> {
    const { every } = this.#options
    this.#batches++
    this.#steps++
    this.#unsaved = null
    // The last of an epoch is saved as its end.
    if (typeof every === 'number' || this.#batches === this.#size) return
    if (this.#steps % every.steps === 0) await this.#save(this.#epoch, this.#batches)
  }

  override async onEpochEnd(epoch: number): Promise<void> {
    const { every } = this.#options
    if (this.#brokenOff()) {
      if (typeof every !== 'number') await this.#save(epoch, this.#batches)
      return
    }
    this.#size ??= this.#batches
    this.#unsaved = epoch + 1
    if (typeof every !== 'number' || (epoch + 1) % every === 0) await this.#save(epoch + 1, 0)
  }

  override async onTrainEnd(): Promise<void> {
    if (this.#unsaved !== null) await this.#save(this.#unsaved, 0)
  }

  /** Whether the epoch has ended before its last batch; of unknown length, every one that is asked to stop may have. */
  #brokenOff(): boolean {
    return this.model.stopTraining && (this.#size === null || this.#batches < this.#size)
  }

  async #save(epoch: number, batch: number): Promise<void> {
    const { dir, keep } = this.#options
    await saveCheckpoint(this.model, { dir, keep, epoch, batch })
    this.#unsaved = null
  }
}

/** fit has no way to begin at a batch. */
function inMidEpoch({ initialEpoch, startBatch }: Place): SaltflatError {
  return new SaltflatError(
    'ERR_UNSUPPORTED',
    `Expected a place at the beginning of an epoch for fit, received batch ${startBatch} of epoch ${initialEpoch}. Go on from there with fitDataset and shuffledBatches; for fit, save at the ends of epochs.`,
  )
}
