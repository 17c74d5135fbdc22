import { Callback, type Logs } from '@tensorflow/tfjs-layers'
import { invalid, knownKeys } from '../options.ts'
import { count, significant } from '../report/text.ts'
import { barLine, cleared, type Screen } from './bar.ts'
import { resolved, written } from './logs.ts'

/** Options of `progressBar`. */
export interface ProgressBarOptions {
  /** Where it is drawn. Default `process.stderr`, or nowhere where NODE_ENV is `test`. */
  screen?: Screen
}

/** A terminal is redrawn at most this often, in ms: each time waits for the backend. */
const redrawEvery = 100

/**
 * A callback that shows how far `fit` or `fitDataset` is: on a terminal a bar with the share done, the time left, the epoch
 * and the latest loss and metrics; elsewhere, as in a log file, one line an epoch. What callbacks before it have logged is in
 * the lines. The time left counts on epochs that take as long as those before; where the length of a dataset is unknown, it
 * comes after the first epoch. Give `fit` `verbose: 0`, so that tfjs-node's own bar stays away. Throws ERR_INVALID_ARGUMENT.
 *
 * @example
 * await model.fit(x, y, { epochs: 20, verbose: 0, callbacks: progressBar() })
 */
export function progressBar(options: ProgressBarOptions = {}): Callback {
  knownKeys('the options of progressBar', options, ['screen'])
  const { screen } = options
  if (screen !== undefined && typeof screen?.write !== 'function') {
    throw invalid('a stream, such as process.stdout, for screen', screen)
  }
  return new ProgressBar(screen ?? (process.env.NODE_ENV === 'test' ? { write() {} } : process.stderr))
}

class ProgressBar extends Callback {
  readonly #screen: Screen
  #begun = 0
  #drawn = Number.NEGATIVE_INFINITY
  #first: number | null = null
  #epoch = 0
  #batches = 0
  /** Batches of an epoch, where they are known. */
  #size: number | null = null
  #last = ''

  constructor(screen: Screen) {
    super()
    this.#screen = screen
  }

  override async onTrainBegin(): Promise<void> {
    const { samples, batchSize, steps } = this.params as Record<string, number | null>
    this.#size = steps ?? (samples != null && batchSize != null ? Math.ceil(samples / batchSize) : null)
    this.#begun = performance.now()
    this.#first = null
  }

  override async onEpochBegin(epoch: number): Promise<void> {
    this.#first ??= epoch
    this.#epoch = epoch
    this.#batches = 0
  }

  override async onBatchEnd(_: number, given?: object): Promise<void> {
    this.#batches++
    if (!this.#screen.isTTY || performance.now() - this.#drawn < redrawEvery) return
    const { batch: _batch, size: _size, ...logs } = await resolved(given)
    this.#last = this.#said(logs)
    this.#draw()
  }

  override async onEpochEnd(epoch: number, given?: object): Promise<void> {
    const logs = await resolved(given)
    this.#last = this.#said(Object.fromEntries(written(logs, this.params)))
    if (!this.model.stopTraining) this.#size ??= this.#batches
    if (this.#screen.isTTY) return this.#draw()
    const seconds = (performance.now() - this.#begun) / 1000
    this.#screen.write(`epoch ${epoch + 1}/${this.#epochs}  ${seconds.toFixed(1)} s  ${this.#last}\n`)
  }

  override async onTrainEnd(): Promise<void> {
    if (!this.#screen.isTTY) return
    this.#screen.write(`${cleared}${this.#place()}  ${this.#last}\n`)
    this.#drawn = Number.NEGATIVE_INFINITY
  }

  get #epochs(): number {
    return (this.params as { epochs: number }).epochs
  }

  #place(): string {
    return `epoch ${this.#epoch + 1}/${this.#epochs}`
  }

  #draw(): void {
    const [first, now] = [this.#first ?? 0, performance.now()]
    const ofEpoch = this.#size === null ? 0 : Math.min(this.#batches / this.#size, 1)
    const share = (this.#epoch - first + ofEpoch) / (this.#epochs - first)
    const batch = this.#size === null ? count(this.#batches) : `${count(this.#batches)}/${count(this.#size)}`
    this.#screen.write(barLine(share, now - this.#begun, `${this.#place()} ${batch}  ${this.#last}`, this.#screen))
    this.#drawn = now
  }

  #said(logs: Logs): string {
    return Object.entries(logs)
      .map(([name, value]) => `${name} ${significant(value)}`)
      .join('  ')
  }
}
