import { Callback, type History } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'
import { Turns } from '../turns.ts'

/**
 * A callback that lets an AbortSignal stop `fit` and `fitDataset`: at the end of the batch in which it fires, so that
 * weights and optimizer are those of a whole step and can go on from there. Training then rejects with ERR_ABORTED, whose
 * `cause` is the signal's reason; as with `model.stopTraining`, other callbacks are still told that epoch and training
 * have ended. Throws ERR_INVALID_ARGUMENT.
 *
 * @example
 * const stop = new AbortController()
 * process.once('SIGINT', () => stop.abort())
 * await model.fit(x, y, { epochs: 100, callbacks: abortable(stop.signal) })
 */
export function abortable(signal: AbortSignal): Callback {
  if (typeof signal?.aborted !== 'boolean')
    throw invalid('an AbortSignal', signal, 'Write abortable(controller.signal).')
  return new Abortable(signal)
}

class Abortable extends Callback {
  readonly #signal: AbortSignal
  #batches = 0
  #turns = new Turns()
  #stopped = false

  constructor(signal: AbortSignal) {
    super()
    this.#signal = signal
  }

  override async onTrainBegin(): Promise<void> {
    this.#batches = 0
    this.#stopped = false
    this.#turns = new Turns()
    if (this.#signal.aborted) throw this.#aborted()
  }

  // Between epochs tfjs holds no tensors that a throw would leave behind.
  override async onEpochBegin(): Promise<void> {
    if (this.#signal.aborted) throw this.#aborted()
  }

  override async onBatchEnd(): Promise<void> {
    this.#batches++
    // tfjs may give the event loop none.
    await this.#turns.take()
    if (!this.#signal.aborted) return
    this.#stopped = true
    this.model.stopTraining = true
  }

  override async onTrainEnd(): Promise<void> {
    if (!this.#stopped) return
    // As tfjs does next: until then the history holds tensors.
    await (this.model as unknown as { history: History }).history.syncData()
    throw this.#aborted()
  }

  #aborted(): SaltflatError {
    const said = `Expected to train to the end, received an abort after ${this.#batches} batches. The weights are those of the last whole step.`
    return new SaltflatError('ERR_ABORTED', said, { cause: this.#signal.reason })
  }
}
