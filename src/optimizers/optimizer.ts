import {
  engine,
  type NamedTensorMap,
  type Scalar,
  scalar,
  type serialization,
  Optimizer as TfOptimizer,
  type Variable,
} from '@tensorflow/tfjs-core'
import { SaltflatError, said } from '../errors.ts'
import { estimators } from '../estimators/index.ts'
import type { NoiseOptions } from '../estimators/noise.ts'
import { refuseUnserved } from '../grads/copies.ts'
import type { Loss } from '../grads/evaluate.ts'
import { brandOptimizer, type ModelOptimizer, type RunPass, wrapTrainFunction } from '../grads/train-function.ts'
import { devices } from '../native/index.ts'
import { invalid, largest, number, oneOf, predicate, schedule, whole } from '../options.ts'
import { Variables } from '../params/variables.ts'
import type { ParameterFilter, Schedule, TraceEstimate } from '../types.ts'
import type { GradientOptions } from './base.ts'
import { nameOf, pack, type Settings, unpack } from './config.ts'
import { checkSaved, copied, joinState, type NamedTensor, type State, splitState, writeState } from './state.ts'
import { GivenGradients, matched, type Pass, TensorOracle } from './tensor-oracle.ts'
import { Training } from './training.ts'

/** How BatchNorm's moving statistics are taken from a step that evaluates the loss several times. */
export type BatchNormMode = 'last' | 'clean' | 're-estimate'

/**
 * A tf.Optimizer made of a gradient estimator and a base optimizer. Made by `nso`, `oneSided`, `sam`, and by `sgd`, `adam`
 * and the other bases alone; works with `model.compile` + `fit`, `fitDataset`, `trainOnBatch`, in own loops through its
 * method `minimize`, and on a plain Float32Array through the function `minimize`.
 */
export class FlatOptimizer extends TfOptimizer implements ModelOptimizer {
  /** Name under which tfjs saves and loads it. */
  static readonly className = 'SaltflatOptimizer'

  /** By its class: tfjs's own test, which would be inherited, takes every optimizer for one of these. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(FlatOptimizer, value)
  }

  /** @internal set while a model's step runs */
  declare passHandler: ((loss: Loss) => Scalar) | null
  readonly #settings: Settings
  readonly #training: Training
  /** What the last `getWeights` returned. */
  #saved: NamedTensor[] = []
  #disposed = false

  /** @internal use the factories */
  constructor(settings: Settings) {
    super()
    Object.defineProperty(this, 'passHandler', { value: null, writable: true, enumerable: false })
    if (typeof settings !== 'object' || settings === null) {
      throw invalid('the settings that a factory makes', settings, 'Write nso(sgd()), adam() or the like.')
    }
    const estimator = Object.hasOwn(estimators, settings.estimator) ? estimators[settings.estimator] : undefined
    if (estimator === undefined) {
      const known = Object.keys(estimators).join(', ')
      throw new SaltflatError('ERR_STATE', `Expected an estimator of ${known}, received '${settings.estimator}'.`)
    }
    whole('seed', settings.seed, 0, Number.MAX_SAFE_INTEGER)
    oneOf('batchNorm', settings.batchNorm, ['last', 'clean', 're-estimate'])
    oneOf('device', settings.device, devices)
    estimator.check(settings.options)
    const { accumulation } = settings.base.options as Required<GradientOptions>
    const { perturbations = 1 } = settings.options as NoiseOptions
    // Each chooses the randomness inside the model by a number of 24 bits.
    whole('accumulation × perturbations', accumulation * perturbations, 1, 2 ** 24)
    predicate(settings.options.filter as ParameterFilter | undefined)
    this.#settings = settings
    this.#training = new Training(settings, estimator)
    wrapTrainFunction()
  }

  /** @internal */
  get settings(): Settings {
    return this.#settings
  }

  /** What the optimizer is, in a line: also what `console.log` shows. */
  override toString(): string {
    const { estimator, base } = this.#settings
    const inner = base.kind === null ? base.foreign.getClassName() : base.kind.name
    return `saltflat ${estimator === 'plain' ? inner : `${estimator}(${inner})`}, ${this.iterations} updates`
  }

  /** Updates made: steps taken, or with `accumulation` one for so many of them. */
  override get iterations(): number {
    return this.#training.iterations
  }

  /** The learning rate of the base optimizer; settable between steps, as in stock tfjs. */
  get learningRate(): Schedule {
    const { options, foreign } = this.#settings.base
    return (foreign === null ? options.learningRate : (foreign as unknown as FlatOptimizer).learningRate) as Schedule
  }

  /** Between steps; a schedule too, which goes on from the present update. */
  set learningRate(value: Schedule) {
    const { options, foreign } = this.#settings.base
    if (foreign === null) {
      options.learningRate = schedule('learningRate', value, { min: 0, max: largest })
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
    return estimators[this.#settings.estimator]!.passes(this.#settings.options)
  }

  /** ± pairs a step, from which `curvature` comes; 0 for estimators without. */
  get pairsPerStep(): number {
    return estimators[this.#settings.estimator]!.pairs(this.#settings.options)
  }

  /**
   * The free estimate of the trace of the Hessian of the *smoothed* loss, from the pairs that training runs anyway: mean
   * of U·(g⁺ − g⁻)/(2σ) over about the last 200 steps. null before the first, and for estimators without pairs. Exactly
   * that trace for gaussian noise; with another distribution, the trace where the loss is quadratic within ±σU.
   */
  get curvature(): TraceEstimate | null {
    return this.#training.trace?.estimate() ?? null
  }

  /** Where the model's values and the optimizer's vectors lie, and the bytes that these take; null before the first step. */
  get memory(): {
    /** 'tensorflow', 'wasm', 'cpu', 'portable', or 'vector' of a plain array. */
    store: string
    /** Where W, G, P and the moments lie, and passes run: what `device`, or SALTFLAT_DEVICE, has come to. */
    device: 'cpu' | 'cuda'
    /** Bytes of the host's native memory, beside the values of the variables where those live elsewhere. */
    bytes: number
    /** Bytes of the GPU's memory; 0 on 'cpu'. */
    deviceBytes: number
  } | null {
    const { weights } = this.#training
    if (weights === null) return null
    const { store, device, bytes, deviceBytes } = weights
    return { store, device, bytes, deviceBytes }
  }

  /** @internal */
  get dataParts(): number {
    return this.#training.parts
  }

  /**
   * One step on a loss of your own. It is called `passesPerStep` times and must read the variables anew each time; the
   * returned cost is the mean over these calls. With `data: 'split'` it gets the number of the part as its argument, or
   * none where all of the batch is meant (a step without noise, a clean gradient, BatchNorm's clean pass). Assignments
   * that it makes to variables happen in one call only (see `batchNorm`: where it makes some, and no gradient is taken at
   * W itself, there is one call more), and are undone if the step fails. So are the states of stateful layers. Without
   * `variables`, all trainable ones of the process at the first step are meant, as in stock tfjs.
   */
  override minimize(f: Loss, returnCost = false, variables?: Variable[]): Scalar | null {
    if (this.passHandler !== null) return this.passHandler(f)
    this.#refuseDisposed()
    const chosen = variables ?? this.#variables ?? Object.values(engine().registeredVariables)
    if (!Array.isArray(chosen)) throw invalid('an array of variables', chosen, 'Put a single one in brackets.')
    // As a model calls it.
    if (returnCost && variables !== undefined) refuseUnserved(f)
    // What is no variable stays in, to be refused by name.
    const trainable = chosen.filter((variable) => variable?.trainable !== false)
    const cost = this.#step(trainable, (part, run) => run(part >= 0 ? () => f(part) : f), false)
    return returnCost ? scalar(cost) : null
  }

  /** @internal One step of a model; see `ModelOptimizer`. */
  stepModel(variables: Variable[], run: RunPass): number {
    this.#refuseDisposed()
    return this.#step(
      variables,
      (part, evaluateLoss, reported) => {
        run(part, (loss) => scalar(evaluateLoss(loss)), reported)
      },
      true,
    )
  }

  /** Whether `dispose` was called. */
  get disposed(): boolean {
    return this.#disposed
  }

  /** @internal What `minimize` on a plain array drives. */
  get training(): Training {
    this.#refuseDisposed()
    return this.#training
  }

  /** Applies the base optimizer to gradients computed elsewhere; the estimator has no part in it. */
  override applyGradients(gradients: NamedTensorMap | NamedTensor[]): void {
    this.#refuseDisposed()
    const { variables, gradients: inOrder } = matched(gradients, this.#variables)
    this.#training.apply(new Variables(variables), new GivenGradients(inOrder, variables, this.#settings))
  }

  /** Frees native memory. Twice is harmless; a step afterwards is refused. */
  override dispose(): void {
    this.#training.dispose()
    for (const { tensor } of this.#saved) tensor.dispose()
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
    const settings = unpack((config as serialization.ConfigDict | undefined | null)?.settings)
    try {
      return new (cls as unknown as new (settings: Settings) => T)(settings)
    } catch (error) {
      // It was made for nobody.
      settings.base.foreign?.dispose()
      throw error
    }
  }

  /**
   * Everything needed to go on: iterations, seed, moments, curvature statistics, the gradients of an update in the middle
   * of its micro-batches, W₀ of a `distance`. The tensors belong to the optimizer, as in stock tfjs, and live until the
   * next call.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    this.#refuseDisposed()
    // First, for it may reject.
    const rest = (await this.#settings.base.foreign?.getWeights()) ?? []
    const own = this.#training.pending?.map(copied) ?? written(this.#training.state(), rest.length)
    for (const { tensor } of this.#saved) tensor.dispose()
    // Stock optimizers return live variables, and leak a fresh count of iterations at every call.
    this.#saved = [...own, ...rest.filter(({ name }) => name === 'iter')]
    return joinState(own, rest)
  }

  /**
   * Goes on from what `getWeights` gave, with its seed. A fresh optimizer keeps it until the first step, when the
   * variables are known. Throws ERR_STATE for a state of another optimizer, model or version of the format, ERR_BASE where a
   * wrapped optimizer refuses its part; then nothing has changed.
   */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    this.#refuseDisposed()
    checkSaved(weights)
    const { foreign } = this.#settings.base
    const { own, rest, ...begun } = splitState(weights, {
      optimizer: nameOf(this.#settings),
      wrapped: foreign !== null,
    })
    if (foreign === null) return this.#training.restore(own, begun)
    await this.#restoreBoth(foreign, own, begun, rest)
  }

  /** Ours and the wrapped optimizer's, or neither. */
  async #restoreBoth(
    foreign: TfOptimizer,
    own: readonly NamedTensor[],
    begun: { iterations: number; seed: number },
    rest: NamedTensor[],
  ): Promise<void> {
    // Copies: stock optimizers return live variables, and the caller may dispose of his while ours waits.
    const state = this.#training.state()
    const [theirs, waiting] = [rest.map(copied), this.#training.pending?.map(copied)]
    const before: NamedTensor[] = []
    try {
      // At once, for this refuses a call in the middle of a step.
      this.#training.restore(own, begun)
      try {
        const live = await foreign.getWeights()
        before.push(...live.map(copied))
        // A fresh one at every call.
        live.find(({ name }) => name === 'iter')?.tensor.dispose()
        await foreign.setWeights(theirs)
      } catch (cause) {
        if (!this.#disposed) {
          const ours = waiting ?? written(state, before.length)
          this.#training.restore(ours, state)
          for (const { tensor } of ours) tensor.dispose()
          // It may have taken a part. Where it refuses its own state too, the first refusal says why.
          if (before.length > 0) await foreign.setWeights(before).catch(() => {})
        }
        throw new SaltflatError('ERR_BASE', `The base optimizer threw: ${said(cause)}`, { cause })
      }
    } finally {
      for (const { tensor } of [...theirs, ...before, ...(waiting ?? [])]) tensor.dispose()
    }
  }

  /** What it trains, where that is variables. */
  get #variables(): readonly Variable[] | null {
    const target = this.#training.weights?.target
    return target instanceof Variables ? target.tensors : null
  }

  #step(variables: readonly Variable[], pass: Pass, metrics: boolean): number {
    const oracle = new TensorOracle({ variables, settings: this.#settings, pass, metrics })
    return this.#training.step(new Variables(variables), oracle)
  }

  #refuseDisposed(): void {
    if (this.#disposed) {
      throw new SaltflatError(
        'ERR_DISPOSED',
        'Expected a live optimizer, received one that was disposed. Make a new one.',
      )
    }
  }
}

function written(state: State, others: number): NamedTensor[] {
  // First what may fail.
  const own = writeState(state, others)
  // Named as tfjs does it.
  return [{ name: 'iter', tensor: scalar(state.iterations, 'int32') }, ...own]
}

brandOptimizer(FlatOptimizer.prototype)
Object.defineProperty(FlatOptimizer.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: FlatOptimizer) {
    return this.toString()
  },
})
