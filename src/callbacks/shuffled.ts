import { engine } from '@tensorflow/tfjs-core'
import { Callback } from '@tensorflow/tfjs-layers'
import { permutation } from '../data/permutation.ts'
import { SaltflatError } from '../errors.ts'
import { knownKeys, whole } from '../options.ts'

/** Options of `shuffled`. */
export interface ShuffledOptions {
  /** Seed of the order: a safe integer ≥ 0. */
  seed: number
}

/**
 * A callback that makes `fit` take its examples in an order that is a function of the seed and the epoch alone, in place
 * of its own shuffle, which draws from Math.random and shuffles what the last epoch left. So a run resumed with
 * `initialEpoch` sees what an uninterrupted one would have seen.
 *
 * Every order is as likely as any other (Fisher–Yates on Philox, stream 4); the same seed gives `shuffledBatches` the same
 * order. `validationSplit` keeps its part unshuffled, as in stock `fit`; the option `shuffle` of `fit` makes no difference.
 * Costs about 0.1 µs an example and epoch. Throws ERR_INVALID_ARGUMENT for a seed that is none, ERR_UNSUPPORTED in
 * `fitDataset`, which has no order of its own: use `shuffledBatches` there.
 *
 * @example
 * await model.fit(x, y, { epochs: 4, initialEpoch: 2, callbacks: [shuffled({ seed: 7 })] })
 */
export function shuffled(options: ShuffledOptions): Callback {
  knownKeys('the options of shuffled', options, ['seed'])
  return new Shuffled(whole('seed', options.seed, 0, Number.MAX_SAFE_INTEGER))
}

class Shuffled extends Callback {
  readonly #seed: number
  /** Whether the order of the present epoch has reached `fit`. */
  #placed = false

  constructor(seed: number) {
    super()
    this.#seed = seed
  }

  override async onTrainBegin(): Promise<void> {
    const samples = this.params.samples as number | null
    if (samples === null) {
      throw new SaltflatError(
        'ERR_UNSUPPORTED',
        'Expected shuffled in fit, received it in fitDataset, which takes batches as they come. Use shuffledBatches.',
      )
    }
    // fit's own record of the run is the last callback to hear of an epoch: from there to the tensor of indices nobody
    // else is waited for.
    const { history } = this.model as unknown as { history: Callback }
    const original = history.onEpochBegin
    history.onEpochBegin = async (epoch) => {
      await original.call(history, epoch)
      this.#placed = false
      await placed(permutation(this.#seed, epoch, samples), () => {
        this.#placed = true
      })
    }
  }

  override async onBatchBegin(): Promise<void> {
    if (this.#placed) return
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      'Expected fit to make a tensor of indices at the beginning of an epoch, as that of tfjs-layers 4 does, received none. Give it one shuffled at most, or use shuffledBatches with fitDataset.',
    )
  }
}

/** Orders that wait for their place, one at a time: `fit` may run on several models at once. */
let queue: Promise<void> = Promise.resolve()

/**
 * The next tensor that is made from the numbers 0 … count − 1 in any order gets this order: that of the indices which `fit`
 * makes as soon as it goes on. Nothing is left behind if it does not, for it goes on before the event loop turns.
 */
async function placed(order: Int32Array, done: () => void): Promise<void> {
  const before = queue
  let leave = () => {}
  queue = new Promise((resolve) => {
    leave = resolve
  })
  await before
  const tape = engine()
  const original = tape.makeTensor
  // Somebody who wraps what is here keeps it in the chain for good: then it must pass everything through.
  let over = false
  const restore = () => {
    if (tape.makeTensor === replaced) tape.makeTensor = original
    over = true
    leave()
  }
  const replaced: typeof original = (values, shape, dtype, backend) => {
    if (over || !isOrder(values, order.length)) return original.call(tape, values, shape, dtype, backend)
    restore()
    done()
    return original.call(tape, order, shape, 'int32', backend)
  }
  tape.makeTensor = replaced
  setImmediate(restore)
}

/** Whether these are the numbers 0 … count − 1, each of them once; beyond 2²⁴ float32 no longer tells them apart. */
function isOrder(values: unknown, count: number): boolean {
  if (!(values instanceof Float32Array) || values.length !== count) return false
  if (count > 2 ** 24) return true
  const seen = new Uint8Array(count)
  for (const value of values) {
    if (!(value >= 0 && value < count) || seen[value] !== 0) return false
    seen[value] = 1
  }
  return true
}
