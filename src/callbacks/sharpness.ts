import { Callback, type Logs } from '@tensorflow/tfjs-layers'
import { hessian, type ModelHessianOptions } from '../curvature/hessian.ts'
import { type TopEigenvalues, type TopEigenvaluesOptions, topEigenvalues } from '../curvature/top-eigenvalues.ts'
import { type HutchinsonTrace, type TraceOptions, trace } from '../curvature/trace.ts'
import { type Which, whiches } from '../curvature/wanted.ts'
import { SaltflatError } from '../errors.ts'
import type { Examples } from '../grads/examples.ts'
import { type Model, ModelLoss } from '../grads/model-loss.ts'
import { invalid, knownKeys, oneOf, whole } from '../options.ts'
import { resolved } from './logs.ts'

/** Options of `sharpness`. */
export interface SharpnessOptions extends ModelHessianOptions {
  /** Inputs and targets that the Hessian is that of, as `validationData` has them, also by name: a few hundred examples often do. */
  data: readonly [x: Examples, y: Examples]
  /** Epochs from one measurement to the next: a whole number ≥ 1. The last epoch is always measured. Default 1. */
  every?: number
  /** How the trace is taken; false leaves it out. Default 32 probes. */
  trace?: Pick<TraceOptions, 'probes'> | false
  /** Which eigenvalues, and how; false leaves them out. Default the largest one. */
  topEigenvalues?: Pick<TopEigenvaluesOptions, 'count' | 'which' | 'tolerance' | 'steps'> | false
  /** Seed of probes and starts, the same at each epoch: a safe integer ≥ 0. Default 0. */
  seed?: number
  /** What the names in the logs begin with. Default nothing. */
  prefix?: string
  /** Ends a measurement, and with it the training, with an AbortedError. */
  signal?: AbortSignal
  /** Told the whole results, with the parts of layers, residuals and costs. */
  onMeasure?: (measured: Sharpness) => void
}

/** What was measured at the end of an epoch. */
export interface Sharpness {
  /** The epoch, counted from 0. */
  readonly epoch: number
  /** The trace; null where it is left out. */
  readonly trace: HutchinsonTrace | null
  /** The eigenvalues; null where they are left out. */
  readonly topEigenvalues: TopEigenvalues | null
  /** Gradient evaluations that this took, about. */
  readonly passes: number
  /** Milliseconds that it took. */
  readonly wallMs: number
}

const names = ['data', 'every', 'trace', 'topEigenvalues', 'seed', 'prefix', 'signal', 'onMeasure']
const hessianNames = ['batchSize', 'filter', 'training', 'method', 'step', 'check'] as const
/** The first eigenvalue by its name in the logs; the others get a number behind it. */
const eigenvalueNames = { largest: 'lambdaMax', smallest: 'lambdaMin', magnitude: 'lambdaAbs' } as const

/** Names in the order of the values; of both ends the largest come first. */
function namesOf(which: Which, count: number): string[] {
  const numbered = (name: string, length: number) => Array.from({ length }, (_, i) => `${name}${i === 0 ? '' : i + 1}`)
  if (which !== 'both') return numbered(eigenvalueNames[which], count)
  const { largest, smallest } = eigenvalueNames
  return [...numbered(largest, Math.ceil(count / 2)), ...numbered(smallest, Math.floor(count / 2))]
}

/**
 * A callback that measures how sharp the loss is at the end of epochs, exactly and with any optimizer: the trace of the
 * Hessian and its top eigenvalues, on data of your choice. They go into the logs, and so into `history` and what other
 * callbacks write: `trace` and its standard error `traceError`; `lambdaMax` (`lambdaMin`, `lambdaAbs` by `which`, both of the first for both ends) and its
 * residual `lambdaMaxResidual`, further ones as `lambdaMax2`, `lambdaMax2Residual`, … An epoch that is not measured has NaN,
 * so that `history` stays one number an epoch; so has an eigenvalue that is not there.
 *
 * The first measurement of a model checks its Hessian (`check`: false to leave that out). Each costs `probes` products for the trace and about 20 to 100 for the eigenvalues, three gradients over the
 * data each or more (`hessian` says when), and the memory of `topEigenvalues`: choose `data` small and `every` large. The
 * weights, the optimizer and BatchNorm's statistics are as before, to the bit. Probes are the same at each epoch, so that
 * differences between epochs are those of the weights. It is the Hessian at the weights, of the loss without
 * noise: `curvature` has the free estimate of the smoothed one.
 *
 * Give it before callbacks that write logs. Throws ERR_INVALID_ARGUMENT for options. Training ends before an epoch is spent
 * where the data is not the model's; later with whatever `hessian`, `trace` and `topEigenvalues` throw, and with ERR_STATE
 * where another callback has logged the same name.
 *
 * @example
 * const watch = sharpness({ data: [x, y], every: 5, topEigenvalues: { count: 2 } })
 * const { history } = await model.fit(x, y, { epochs: 10, callbacks: [watch] })
 * console.log(history.lambdaMax?.length) // → 10
 */
export function sharpness(options: SharpnessOptions): Callback {
  knownKeys('the options of sharpness', options, [...names, ...hessianNames])
  const { data, every = 1, prefix = '', seed = 0, onMeasure, signal } = options
  if (!Array.isArray(data) || data.length !== 2) throw invalid('[x, y] for data', data)
  whole('every', every, 1, Number.MAX_SAFE_INTEGER)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (typeof prefix !== 'string') throw invalid('a string for prefix', prefix)
  if (onMeasure !== undefined && typeof onMeasure !== 'function') throw invalid('a function for onMeasure', onMeasure)
  if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw invalid('an AbortSignal for signal', signal)
  checkParts(options)
  return new SharpnessCallback(options)
}

/** What does not depend on the model is refused at once. */
function checkParts({ trace: traced, topEigenvalues: top }: SharpnessOptions): void {
  if (traced === false && top === false) throw invalid('trace or topEigenvalues in sharpness', false)
  if (traced !== undefined && traced !== false) {
    knownKeys('trace', traced, ['probes'])
    whole('probes', traced.probes ?? 2, 2, 2 ** 24)
  }
  if (top === undefined || top === false) return
  knownKeys('topEigenvalues', top, ['count', 'which', 'tolerance', 'steps'])
  whole('count', top.count ?? 1, 1, 2 ** 31 - 1)
  oneOf('which', top.which ?? 'largest', whiches)
}

class SharpnessCallback extends Callback {
  readonly #options: SharpnessOptions
  /** What holds of a model and its loss at one epoch holds at all. */
  readonly #checked = new WeakSet<object>()

  constructor(options: SharpnessOptions) {
    super()
    this.#options = options
  }

  /** Data that is not the model's is refused before an epoch is spent. */
  override async onTrainBegin(): Promise<void> {
    const { data, training = false, batchSize = 256 } = this.#options
    new ModelLoss(this.model as Model, { training }).cut(...data, batchSize)
  }

  override async onEpochEnd(epoch: number, given?: object): Promise<void> {
    // Also where nothing is measured: what throws later must find no tensors in the history.
    const logs = await resolved(given)
    const { every = 1, onMeasure } = this.#options
    const { epochs } = this.params as { epochs: number }
    const due = (epoch + 1) % every === 0 || epoch + 1 === epochs || this.model.stopTraining
    const measured = due ? await this.#measure(epoch) : null
    this.#log(logs, measured)
    if (measured !== null) onMeasure?.(measured)
  }

  async #measure(epoch: number): Promise<Sharpness> {
    const { data, trace: traced = {}, topEigenvalues: top = {}, seed = 0, signal } = this.#options
    const chosen = hessianNames.flatMap((name) => (name in this.#options ? [[name, this.#options[name]]] : []))
    const begun = performance.now()
    const again = this.#checked.has(this.model) ? { check: false } : {}
    const operator = hessian(this.model as Model, ...data, { ...Object.fromEntries(chosen), ...again })
    this.#checked.add(this.model)
    const run = { seed, ...(signal && { signal }) }
    const found = {
      trace: traced === false ? null : await trace(operator, { ...traced, ...run }),
      topEigenvalues: top === false ? null : await topEigenvalues(operator, { ...top, ...run }),
    }
    const passes = (found.trace?.passes ?? 0) + (found.topEigenvalues?.passes ?? 0)
    return { epoch, ...found, passes, wallMs: performance.now() - begun }
  }

  /** Every name at every epoch. */
  #log(logs: Logs, measured: Sharpness | null): void {
    const { prefix = '', trace: traced, topEigenvalues: top = {} } = this.#options
    const put = (name: string, value = Number.NaN) => {
      const key = `${prefix}${name}`
      if (key in logs) {
        throw new SaltflatError(
          'ERR_STATE',
          `Expected no ${key} in the logs yet, received one from another callback. Give sharpness a prefix, as in { prefix: 'exact/' }.`,
        )
      }
      logs[key] = value
    }
    if (traced !== false) {
      put('trace', measured?.trace?.mean)
      put('traceError', measured?.trace?.standardError)
    }
    if (top === false) return
    const { count = 1, which = 'largest' } = top
    for (const [i, name] of namesOf(which, count).entries()) {
      put(name, measured?.topEigenvalues?.values[i])
      put(`${name}Residual`, measured?.topEigenvalues?.residuals[i])
    }
  }
}
