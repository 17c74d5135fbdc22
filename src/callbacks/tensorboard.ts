import { Callback } from '@tensorflow/tfjs-layers'
import type { SpectralDensity } from '../curvature/spectral-density.ts'
import { EventFile } from '../io/event-file.ts'
import {
  endValue,
  type Hyperparameter,
  histogramValue,
  hyperparametersValue,
  scalarValue,
  startEvent,
  summaryEvent,
} from '../io/summary.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { barsOf } from './bars.ts'
import { resolved, written } from './logs.ts'

/** Options of `tensorboard`. */
export interface TensorBoardOptions {
  /** Also the loss and metrics of every so many batches, as a run of its own in the folder `batches`. Default: none. */
  batches?: number
  /** What the run was made with; TensorBoard's page HPARAMS compares runs by it. Default: none. */
  hyperparameters?: Readonly<Record<string, Hyperparameter>>
}

const most = Number.MAX_SAFE_INTEGER

/**
 * A callback that writes the logs of each epoch for TensorBoard: loss, metrics, and what other callbacks before it have put
 * there, such as the trace of `sharpness`. Each is a scalar at the epoch's number, in single precision; a folder is a run, so
 * `tensorboard --logdir runs` compares `tensorboard('runs/adam')` with `tensorboard('runs/nso')`.
 *
 * Needs no package. What an epoch has to say is written when it ends, in one piece. A resumed run writes a new file into the
 * folder, and TensorBoard forgets what an earlier one had from there on. What was not measured (NaN in what is no loss and no
 * metric) is left out. Batches cost a wait for the backend each; with `fitDataset` and a dataset of unknown length, those of a resumed
 * run are left out for an epoch, as nobody knows their number. Throws ERR_INVALID_ARGUMENT for arguments; what the file system
 * throws ends the training.
 *
 * @example
 * const board = tensorboard('runs/nso', { hyperparameters: { sigma: 0.01, base: 'adam' } })
 * await model.fit(x, y, { epochs: 2, callbacks: [sharpness({ data: [x, y] }), board] })
 * await board.histogram('spectrum', await spectralDensity(hessian(model, x, y)), 2)
 */
export function tensorboard(dir: string, options: TensorBoardOptions = {}): TensorBoard {
  if (typeof dir !== 'string' || dir === '') throw invalid('a path for dir', dir)
  knownKeys('the options of tensorboard', options, ['batches', 'hyperparameters'])
  const { batches, hyperparameters } = options
  if (batches !== undefined) whole('batches', batches, 1, most)
  if (hyperparameters !== undefined) {
    knownKeys('hyperparameters', hyperparameters, Object.keys(Object(hyperparameters)))
    for (const [name, value] of Object.entries(hyperparameters)) {
      if (!['number', 'string', 'boolean'].includes(typeof value)) {
        throw invalid(`a number, a string or a boolean for the hyperparameter ${name}`, value)
      }
    }
  }
  return new Board(dir, options)
}

/** What `tensorboard` makes: a callback that also takes values from elsewhere, as in a loop of your own. */
export interface TensorBoard extends Callback {
  /** Adds a number under a name, at a step: a whole number ≥ 0. */
  scalar(name: string, value: number, step: number): Promise<void>
  /** Adds a histogram of values, or of a spectrum by its nodes and weights, at a step. */
  histogram(name: string, of: ArrayLike<number> | SpectralDensity, step: number): Promise<void>
}

class Board extends Callback implements TensorBoard {
  readonly #dir: string
  readonly #options: TensorBoardOptions
  readonly #epochs: Run
  readonly #batches: Run
  #epoch = 0
  /** Batches done of this epoch. */
  #done = 0
  /** Batches of an epoch, where they are known. */
  #size: number | null = null

  constructor(dir: string, options: TensorBoardOptions) {
    super()
    this.#dir = dir
    this.#options = options
    this.#epochs = new Run(dir, options.hyperparameters)
    this.#batches = new Run(`${dir}/batches`)
  }

  scalar(name: string, value: number, step: number): Promise<void> {
    checkPlace(name, step)
    if (typeof value !== 'number') throw invalid('a number for value', value)
    return this.#epochs.add(step, [scalarValue(name, value)])
  }

  histogram(name: string, of: ArrayLike<number> | SpectralDensity, step: number): Promise<void> {
    checkPlace(name, step)
    return this.#epochs.add(step, [histogramValue(name, barsOf(of))])
  }

  override async onTrainBegin(): Promise<void> {
    const { samples, batchSize, steps } = this.params as Record<string, number | null>
    this.#size = steps ?? (samples != null && batchSize != null ? Math.ceil(samples / batchSize) : null)
  }

  override async onEpochBegin(epoch: number): Promise<void> {
    this.#epoch = epoch
    this.#done = 0
  }

  override async onBatchEnd(_: number, given?: object): Promise<void> {
    const { batches } = this.#options
    const step = this.#epoch === 0 ? this.#done : this.#epoch * (this.#size ?? Number.NaN) + this.#done
    this.#done++
    if (batches === undefined || Number.isNaN(step) || (step + 1) % batches !== 0) return
    const { batch: _batch, size: _size, ...logs } = await resolved(given)
    await this.#batches.add(step, scalars('batch', Object.entries(logs)))
  }

  override async onEpochEnd(epoch: number, given?: object): Promise<void> {
    if (!this.model.stopTraining) this.#size ??= this.#done
    await this.#epochs.add(epoch, scalars('epoch', written(await resolved(given), this.params)))
  }

  override async onTrainEnd(): Promise<void> {
    await this.#epochs.end()
  }

  override toString(): string {
    return `tensorboard(${this.#dir})`
  }
}

/** One curve each; TensorBoard puts those of the same kind together. */
function scalars(kind: string, values: readonly (readonly [string, number])[]): Buffer[] {
  return values.map(([name, value]) => scalarValue(`${kind}/${name}`, value))
}

function checkPlace(name: string, step: number): void {
  if (typeof name !== 'string' || name === '') throw invalid('a name', name)
  whole('step', step, 0, most)
}

/** A folder's run: its file is made with the first values, and says from which step on it replaces earlier ones. */
class Run {
  readonly #dir: string
  readonly #hyperparameters: Readonly<Record<string, Hyperparameter>> | undefined
  #file: EventFile | null = null
  /** The last write, for those that somebody does not wait for. */
  #last: Promise<void> = Promise.resolve()
  #step = 0

  constructor(dir: string, hyperparameters?: Readonly<Record<string, Hyperparameter>>) {
    this.#dir = dir
    this.#hyperparameters = hyperparameters
  }

  add(step: number, values: readonly Buffer[]): Promise<void> {
    const before = this.#last.catch(() => undefined)
    this.#last = before.then(() => this.#write(step, values))
    return this.#last
  }

  async end(): Promise<void> {
    if (this.#hyperparameters !== undefined) await this.add(this.#step, [endValue(Date.now() / 1000)])
  }

  async #write(step: number, values: readonly Buffer[]): Promise<void> {
    const moment = { seconds: Date.now() / 1000, step }
    const events = [summaryEvent(moment, values)]
    this.#step = step
    if (this.#file === null) {
      this.#file = await EventFile.create(this.#dir)
      const settings = this.#hyperparameters
      if (settings !== undefined) {
        events.unshift(summaryEvent(moment, [hyperparametersValue(this.#dir, settings, moment.seconds)]))
      }
      events.unshift(startEvent(moment))
    }
    await this.#file.append(events)
  }
}
