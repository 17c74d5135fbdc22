import {
  engine,
  type NamedTensorMap,
  type Scalar,
  scalar,
  type serialization,
  type Tensor,
  Optimizer as TfOptimizer,
  tensor,
  type Variable,
} from '@tensorflow/tfjs-core'
import { RunningTrace } from '../curvature/running-trace.ts'
import { SaltflatError } from '../errors.ts'
import type { Estimator } from '../estimators/estimator.ts'
import { estimators } from '../estimators/index.ts'
import { type Evaluation, evaluate, forward, type Loss } from '../grads/evaluate.ts'
import { brandOptimizer, type ModelOptimizer, type RunPass, wrapTrainFunction } from '../grads/train-function.ts'
import { at, number, oneOf, predicate, schedule, whole } from '../options.ts'
import { Weights } from '../params/weights.ts'
import type { Distribution, ParameterFilter, Schedule, TraceEstimate } from '../types.ts'
import { hyperparameters } from './base.ts'
import { pack, type Settings, unpack } from './config.ts'
import { copied, joinState, type NamedTensor, readState, splitState, writeState } from './state.ts'
import { Step } from './step.ts'

/** How BatchNorm's moving statistics are taken from a step that evaluates the loss several times. */
export type BatchNormMode = 'last' | 'clean' | 're-estimate'

/** Weight of a trace sample against its successor: about the last 200 steps count. */
const traceDecay = 0.99

/**
 * A tf.Optimizer made of a gradient estimator and a base optimizer. Made by `nso`, `sam`, `oneSided`, `adam`, `adamw`,
 * `sgd` and `momentum`; works with `model.compile` + `fit`, `fitDataset`, `trainOnBatch`, and in own loops through
 * `minimize`.
 */
export class FlatOptimizer extends TfOptimizer implements ModelOptimizer {
  static readonly className = 'SaltflatOptimizer'
  /** @internal set while a model's step runs */
  passHandler: ((loss: Loss) => Scalar) | null = null
  readonly #settings: Settings
  readonly #estimator: Estimator<object>
  readonly #perturbed: (name: string, index: number) => boolean
  #weights: Weights | null = null
  #trace: RunningTrace | null = null
  #pending: NamedTensor[] | null = null
  /** What the last `getWeights` returned. */
  #saved: NamedTensor[] = []
  #disposed = false
  #stepping = false

  /** @internal use the factories */
  constructor(settings: Settings) {
    super()
    const estimator = estimators[settings.estimator]
    if (estimator === undefined) {
      throw new SaltflatError(
        'ERR_STATE',
        `Expected one of ${Object.keys(estimators)}, received '${settings.estimator}'.`,
      )
    }
    whole('seed', settings.seed, 0, Number.MAX_SAFE_INTEGER)
    oneOf('batchNorm', settings.batchNorm, ['last', 'clean', 're-estimate'])
    estimator.check(settings.options)
    this.#settings = settings
    this.#estimator = estimator
    this.#perturbed = predicate(settings.options.filter as ParameterFilter | undefined)
    wrapTrainFunction()
  }

  /** @internal */
  get settings(): Settings {
    return this.#settings
  }

  /** The learning rate of the base optimizer; settable between steps, as in stock tfjs. */
  get learningRate(): Schedule {
    const { options, foreign } = this.#settings.base
    return (foreign === null ? options.learningRate : (foreign as unknown as FlatOptimizer).learningRate) as Schedule
  }

  set learningRate(value: Schedule) {
    const { options, foreign } = this.#settings.base
    if (foreign === null) {
      options.learningRate = schedule('learningRate', value, { min: 0 })
      return
    }
    const stock = foreign as unknown as { learningRate: number; setLearningRate?(value: number): void }
    stock.learningRate = number('learningRate', value, { min: 0 })
    // Stock sgd and momentum compute with a copy of it.
    stock.setLearningRate?.(stock.learningRate)
  }

  /** Seed of all noise; with it and the step a run can be replayed. */
  get seed(): number {
    return this.#settings.seed
  }

  /** Gradient evaluations a step. */
  get passesPerStep(): number {
    return this.#estimator.passes(this.#settings.options)
  }

  /**
   * The free estimate of the trace of the Hessian of the *smoothed* loss, from the pairs that training runs anyway: mean
   * of U·(g⁺ − g⁻)/(2σ) over about the last 200 steps. null before the first, and for estimators without pairs.
   */
  get curvature(): TraceEstimate | null {
    return this.#trace?.estimate() ?? null
  }

  /** Name of the store that holds the model's values, and bytes of native memory; null before the first step. */
  get memory(): { store: string; bytes: number } | null {
    return this.#weights === null ? null : { store: this.#weights.store, bytes: this.#weights.bytes }
  }

  /** @internal */
  get dataParts(): number {
    const { data, perturbations } = this.#settings.options as { data?: string; perturbations?: number }
    return data === 'split' ? (perturbations ?? 1) : 1
  }

  /**
   * One step on a loss of your own. It is called `passesPerStep` times and must read the variables anew each time; the
   * returned cost is the mean over these calls. With `data: 'split'` it gets the number of the part as its argument, or
   * none where all of the batch is meant (a step without noise, BatchNorm's clean pass).
   */
  override minimize(f: Loss, returnCost = false, variables?: Variable[]): Scalar | null {
    if (this.passHandler !== null) return this.passHandler(f)
    const chosen = variables ?? trainable()
    const cost = this.#step(chosen, (part, run) => {
      run(part >= 0 ? () => (f as (part: number) => Scalar)(part) : f)
    })
    return returnCost ? scalar(cost) : null
  }

  /** @internal One step of a model; see `ModelOptimizer`. */
  stepModel(variables: Variable[], run: RunPass): number {
    return this.#step(variables, (part, evaluateLoss, reported) => {
      run(part, (loss) => scalar(evaluateLoss(loss)), reported)
    })
  }

  /** Applies the base optimizer to gradients computed elsewhere; the estimator has no part in it. */
  override applyGradients(gradients: NamedTensorMap | NamedTensor[]): void {
    const named = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, value]) => ({ name, tensor: value }))
    const registered = engine().registeredVariables
    const variables = named.map(({ name }) => {
      const variable = registered[name]
      if (variable === undefined) {
        throw new SaltflatError(
          'ERR_INVALID_ARGUMENT',
          `Expected gradients of registered variables, received '${name}'.`,
        )
      }
      return variable
    })
    const kept = variables.map((variable, i) => (variable.trainable ? (named[i]!.tensor ?? null) : null))
    const weights = this.#open(variables)
    // Clones, for a step disposes of what it has used.
    const step = this.#newStep(weights, () => ({ loss: 0, gradients: kept.map((one) => one?.clone() ?? null) }))
    step.run(
      (tools) => {
        tools.gradient(0)
        tools.finish('last', 1)
      },
      0,
      true,
    )
    this.incrementIterations()
  }

  /** Frees native memory. Twice is harmless; a step afterwards is refused. */
  override dispose(): void {
    this.#weights?.dispose()
    this.#weights = null
    this.#dropPending()
    for (const { tensor: one } of this.#saved) one.dispose()
    this.#saved = []
    this.#settings.base.foreign?.dispose()
    this.#disposed = true
  }

  override getConfig(): serialization.ConfigDict {
    return { settings: pack(this.#settings) }
  }

  static override fromConfig<T extends serialization.Serializable>(
    cls: serialization.SerializableConstructor<T>,
    config: serialization.ConfigDict,
  ): T {
    return new (cls as unknown as new (settings: Settings) => T)(unpack(config.settings as string))
  }

  /**
   * Everything needed to go on: iterations, moments, curvature statistics. The tensors belong to the optimizer, as in
   * stock tfjs, and live until the next call.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    this.#refuseDisposed()
    const own = this.#pending?.map(copied) ?? [
      await this.saveIterations(),
      ...writeState({
        iterations: this.iterations,
        moments: this.#moments(),
        trace: this.#trace?.save() ?? new Float64Array(0),
      }),
    ]
    const rest = (await this.#settings.base.foreign?.getWeights()) ?? []
    for (const { tensor: one } of this.#saved) one.dispose()
    // Stock optimizers return live variables, and leak a fresh count of iterations at every call.
    this.#saved = [...own, ...rest.filter(({ name }) => name === 'iter')]
    return joinState(own, rest)
  }

  /** Goes on from what `getWeights` gave; whether it fits the variables shows at the first step. Throws ERR_STATE. */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    this.#refuseDisposed()
    const { foreign } = this.#settings.base
    const { own, rest, iterations } = splitState(weights, foreign !== null)
    if (this.#weights !== null) {
      this.#restoreState(this.#weights, own)
    } else {
      const pending = own.map(copied)
      this.#dropPending()
      this.#pending = pending
    }
    this.iterations_ = iterations
    await foreign?.setWeights(rest)
  }

  #step(variables: Variable[], pass: (part: number, run: (loss: Loss) => number, reported: boolean) => void): number {
    if (this.#stepping) {
      throw new SaltflatError('ERR_STATE', 'Expected one step at a time, received minimize inside a loss.')
    }
    const { estimator: name, options, batchNorm } = this.#settings
    const weights = this.#open(variables)
    const size = this.#size()
    const estimator = size === 0 ? estimators.plain! : this.#estimator
    const passes = size === 0 ? 1 : estimator.passes(options)
    const step = this.#newStep(weights, (perturbation, index, effects) => {
      let result: Evaluation | null = null
      const run = (loss: Loss) => {
        const moving = batchNorm === 'last' && index === passes - 1
        result = effects.during(moving, () => evaluate(loss, variables))
        return result.loss
      }
      pass(this.dataParts > 1 && size !== 0 ? perturbation : -1, run, true)
      return result!
    })
    this.#stepping = true
    try {
      step.run(
        (tools) => {
          if (batchNorm === 'clean') {
            step.extra((effects) => pass(-1, (loss) => effects.during(true, () => forward(loss)), false))
          }
          estimator.step(tools, options, size)
        },
        size,
        name === 'plain',
      )
      this.incrementIterations()
      const samples = step.traceSamples(estimator.pairs(options))
      if (samples !== null) {
        this.#trace ??= this.#newTrace(weights)
        this.#trace.add(samples, size)
      }
      return step.meanLoss
    } finally {
      this.#stepping = false
    }
  }

  #newStep(weights: Weights, evaluateAt: ConstructorParameters<typeof Step>[0]['evaluate']): Step {
    const { base, seed, options } = this.#settings
    return new Step({
      weights,
      evaluate: evaluateAt,
      noise: {
        seed,
        distribution: (options.distribution as Distribution | undefined) ?? 'gaussian',
        stream: 0,
        step: this.iterations,
      },
      perturbed: this.#perturbed,
      hyper: hyperparameters(base, this.iterations),
      update: base.foreign === null ? null : (mean) => this.#updateForeign(weights, mean),
    })
  }

  #size(): number {
    const key = this.#estimator.size
    const value = key === null ? 0 : (this.#settings.options as Record<string, Schedule>)[key]!
    return key === null ? 1 : at(key, value, this.iterations, { min: 0 })
  }

  #open(variables: readonly Variable[]): Weights {
    this.#refuseDisposed()
    if (this.#weights === null) {
      const { base, options } = this.#settings
      const both = this.#estimator.both(options)
      const weights = new Weights(variables, { rule: base.kind?.name ?? 'mean', both })
      if (this.#pending !== null) this.#restoreState(weights, this.#pending)
      this.#dropPending()
      this.#weights = weights
    } else if (!this.#weights.holds(variables)) {
      throw new SaltflatError(
        'ERR_STATE',
        'Expected the same variables at every step, received others. Make one optimizer a model, and a new one after freezing or unfreezing layers.',
      )
    } else {
      this.#weights.sync()
    }
    return this.#weights
  }

  #refuseDisposed(): void {
    if (this.#disposed) {
      throw new SaltflatError(
        'ERR_DISPOSED',
        'Expected a live optimizer, received one that was disposed. Make a new one.',
      )
    }
  }

  #newTrace(weights: Weights): RunningTrace {
    const names = weights.variables.filter((one, i) => this.#perturbed(one.name, i)).map(({ name }) => name)
    return new RunningTrace(names, traceDecay)
  }

  #moments(): Float32Array[][] {
    const weights = this.#weights
    if (weights === null) return []
    return weights.variables.map((_, t) => Array.from({ length: weights.moments }, (_, m) => weights.moment(m, t)))
  }

  /** Checks all of a state before it changes anything. */
  #restoreState(weights: Weights, saved: readonly NamedTensor[]): void {
    const sizes = weights.variables.map(({ size }) => size)
    const state = readState(saved, sizes, weights.moments)
    const trace = state.trace.length > 0 ? this.#newTrace(weights) : null
    if (trace?.load(state.trace) === false) {
      throw new SaltflatError('ERR_STATE', 'Expected the curvature statistics of this model, received others.')
    }
    for (const [t, size] of sizes.entries()) {
      for (let m = 0; m < weights.moments; m++) {
        // A state saved before the first step has none.
        weights.setMoment(m, t, state.moments[t]?.[m] ?? new Float32Array(size))
      }
    }
    this.iterations_ = state.iterations
    this.#trace = trace
  }

  #dropPending(): void {
    for (const { tensor: one } of this.#pending ?? []) one.dispose()
    this.#pending = null
  }

  #updateForeign(weights: Weights, mean: (t: number) => Float32Array | null): void {
    const named = weights.variables.map(({ name, shape }, t) => {
      const values = mean(t)
      return { name, tensor: values === null ? null : tensor(values, shape, 'float32') }
    })
    try {
      // A missing gradient is null here, as in stock `minimize`.
      this.#settings.base.foreign!.applyGradients(named as NamedTensor[])
    } finally {
      for (const { tensor: one } of named) (one as Tensor | null)?.dispose()
    }
  }
}

brandOptimizer(FlatOptimizer.prototype)

function trainable(): Variable[] {
  return Object.values(engine().registeredVariables).filter((variable) => variable.trainable)
}
