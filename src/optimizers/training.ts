import { RunningTrace } from '../curvature/running-trace.ts'
import { SaltflatError } from '../errors.ts'
import { type Estimator, mixes } from '../estimators/estimator.ts'
import { estimators } from '../estimators/index.ts'
import type { NoiseOptions } from '../estimators/noise.ts'
import { at, largest } from '../options.ts'
import { maskOf } from '../params/mask.ts'
import type { Target } from '../params/target.ts'
import { type Penalties, Weights } from '../params/weights.ts'
import type { ParameterFilter, Schedule } from '../types.ts'
import { type GradientOptions, ruleOf, updateOptions } from './base.ts'
import { nameOf, type Settings } from './config.ts'
import type { Oracle } from './oracle.ts'
import { penaltiesOf } from './penalties.ts'
import { copied, type NamedTensor, readState, type State, vectorsOf } from './state.ts'
import { type StepInputs, Stepper } from './step.ts'

/** Weight of a trace sample against its successor: about the last 200 steps count. */
const traceDecay = 0.99

/** What an optimizer has once it trains: the weights in native memory, the count of steps, the curvature. */
export class Training {
  iterations = 0
  readonly #settings: Settings
  readonly #estimator: Estimator<object>
  /** Of whatever it trains: what `open` was first given. */
  #weights: Weights<unknown> | null = null
  #stepper: Stepper<unknown> | null = null
  /** Micro-batches that the next update already has, and the sums of their trace samples. */
  #micro = 0
  #samples: Float64Array = new Float64Array(0)
  #mask: boolean[] = []
  #penalties: Penalties | null = null
  #trace: RunningTrace | null = null
  /** A state that waits for the weights it belongs to. */
  #pending: readonly NamedTensor[] | null = null
  #busy = false

  constructor(settings: Settings, estimator: Estimator<object>) {
    this.#settings = settings
    this.#estimator = estimator
  }

  get weights(): Weights<unknown> | null {
    return this.#weights
  }

  /** Steps taken: `accumulation` of them an update. */
  get steps(): number {
    const { accumulation } = this.#settings.base.options as Required<GradientOptions>
    return this.iterations * accumulation + this.#micro
  }

  get trace(): RunningTrace | null {
    return this.#trace
  }

  /** Parts that a batch is split into. */
  get parts(): number {
    const { data, perturbations } = this.#settings.options as { data?: string; perturbations?: number }
    return data === 'split' ? (perturbations ?? 1) : 1
  }

  /** Whether W₀ is kept. */
  get #origin(): boolean {
    return this.#penalties?.distance.some((coefficient) => coefficient !== 0) ?? false
  }

  /** One step; returns the mean loss over its passes. */
  step<G>(target: Target<G>, oracle: Oracle<G>): number {
    return this.#alone('minimize', () => {
      const { options } = this.#settings
      const stepper = this.#open(target)
      const size = this.#size()
      const estimator = size === 0 ? estimators.plain! : this.#estimator
      const passes = estimator.passes(options)
      const split = this.parts > 1 && size !== 0
      const evaluate: StepInputs<G>['evaluate'] = (perturbation, index, clean) =>
        oracle.evaluate(split ? perturbation : -1, index === passes - 1, clean)
      stepper.run(this.#inputs(oracle, evaluate, size), (tools) => estimator.step(tools, options, size))
      const pairs = estimator.pairs(options)
      this.#took(pairs === 0 ? null : stepper.traceSamples(pairs, size), size)
      return stepper.meanLoss
    })
  }

  /** Takes what it will train, before the first step; returns the target that is stepped: this one, or its equal. */
  hold<T extends Target<unknown>>(target: T): T {
    return this.#alone('minimize', () => {
      this.#open(target)
      return this.#weights!.target as T
    })
  }

  /** The base optimizer alone, on gradients computed elsewhere. */
  apply<G>(target: Target<G>, oracle: Oracle<G>): void {
    this.#alone('applyGradients', () => {
      const stepper = this.#open(target)
      stepper.run(
        this.#inputs(oracle, () => oracle.evaluate(-1, true, true), 0),
        (tools) => {
          tools.gradient(0)
          tools.finish(mixes.last, 1)
        },
      )
      this.#took(null, 0)
    })
  }

  /** What is needed to go on. */
  state(): State {
    const weights = this.#weights
    weights?.checkWhole()
    const vectors = vectorsOf({ moments: weights?.moments ?? 0, bank: this.#micro > 0, origin: this.#origin })
    return {
      optimizer: nameOf(this.#settings),
      seed: this.#settings.seed,
      iterations: this.iterations,
      micro: this.#micro,
      banked: this.#micro > 0 && weights !== null ? weights.banked() : [],
      sizes: (weights?.tensors ?? []).map(({ size }) => size),
      vectors,
      tensors: (weights?.tensors ?? []).map((_, t) => vectors.map((name) => weights!.vector(name, t))),
      samples: this.#samples,
      trace: this.#trace?.save() ?? new Float64Array(0),
    }
  }

  /** A state that waits for the weights it belongs to. */
  get pending(): readonly NamedTensor[] | null {
    return this.#pending
  }

  /** Goes on from a saved state: now, or from a copy of it at the first step, when the weights are known. */
  restore(saved: readonly NamedTensor[], { iterations, seed }: { iterations: number; seed: number }): void {
    this.#alone('setWeights', () => {
      if (this.#weights !== null) return this.#take(this.#weights, saved)
      const pending = saved.map(copied)
      this.#drop()
      this.#pending = pending
      this.iterations = iterations
      this.#settings.seed = seed
    })
  }

  dispose(): void {
    this.#alone('dispose', () => {
      this.#weights?.dispose()
      this.#weights = null
      this.#stepper = null
      this.#drop()
    })
  }

  /** A step has the weights perturbed: nothing else may touch them meanwhile. */
  #alone<T>(what: string, f: () => T): T {
    if (this.#busy) {
      throw new SaltflatError(
        'ERR_STATE',
        `Expected one call at a time, received ${what} inside a loss. Call it after the step.`,
      )
    }
    this.#busy = true
    try {
      return f()
    } finally {
      this.#busy = false
    }
  }

  #inputs<G>(oracle: Oracle<G>, evaluate: StepInputs<G>['evaluate'], size: number): StepInputs<G> {
    const { base, seed, options } = this.#settings
    const { distribution = 'gaussian', rounds = 10, perturbations = 1 } = options as NoiseOptions
    const { accumulation } = base.options as Required<GradientOptions>
    return {
      oracle,
      evaluate,
      noise: { seed, distribution, rounds, stream: 0, step: this.iterations },
      randomness: this.#micro * perturbations,
      size,
      update: updateOptions(
        base,
        this.iterations,
        this.#micro === 0,
        this.#micro === accumulation - 1 ? accumulation : 0,
      ),
    }
  }

  /** Counts a step that succeeded; `samples` of the trace are averaged over the micro-batches of an update. */
  #took(samples: readonly number[] | null, size: number): void {
    const { accumulation } = this.#settings.base.options as Required<GradientOptions>
    const sums = this.#samples
    // Where one micro-batch gives none, the update gives none: a part of its mean would be too small.
    const sampled = samples !== null && (this.#micro === 0 || sums.length > 0)
    const total = !sampled ? [] : sums.length === 0 ? samples : samples.map((sample, i) => sample + sums[i]!)
    if (++this.#micro < accumulation) {
      this.#samples = Float64Array.from(total)
      return
    }
    this.#micro = 0
    if (sums.length > 0) this.#samples = new Float64Array(0)
    this.iterations++
    if (total.length === 0) return
    this.#trace ??= this.#newTrace(this.#weights!)
    this.#trace.add(accumulation === 1 ? total : total.map((sum) => sum / accumulation), size)
  }

  /** Noise size or radius now; 1 for an estimator that has none. */
  #size(): number {
    const key = this.#estimator.size
    if (key === null) return 1
    const size = at(key, (this.#settings.options as Record<string, Schedule>)[key]!, this.iterations, {
      min: 0,
      max: largest,
    })
    // As the core has it: what is 0 there perturbs nothing, and would look like a trace of 0.
    return Math.fround(size) === 0 ? 0 : size
  }

  #open<G>(target: Target<G>): Stepper<G> {
    if (this.#weights !== null && this.#stepper !== null) {
      this.#weights.target.follow(target)
      this.#weights.sync()
      this.#markOrigin(this.#weights)
      // `follow` has seen to it that the two targets are of one kind.
      return this.#stepper as Stepper<G>
    }
    const { base, options } = this.#settings
    target.check()
    const mask = maskOf(target.tensors, options.filter as ParameterFilter | undefined)
    const gradient = base.options as Required<GradientOptions>
    this.#penalties = base.kind === null ? null : penaltiesOf(target.tensors, gradient)
    const sums = this.#estimator.sums(options)
    const weights = new Weights(target, {
      rule: ruleOf(base),
      // A base that lives elsewhere is given the mean, which needs a vector.
      sums: base.kind === null && sums === 0 ? 1 : sums,
      bank: gradient.accumulation > 1,
      penalties: this.#penalties,
      device: this.#settings.device,
    })
    this.#mask = mask
    try {
      if (this.#pending !== null) this.#take(weights, this.#pending)
    } catch (error) {
      weights.dispose()
      throw error
    }
    this.#drop()
    this.#markOrigin(weights)
    this.#weights = weights
    const stepper = new Stepper(weights, mask)
    this.#stepper = stepper
    return stepper
  }

  /** W₀ is where the weights are at the first step that succeeds: they may be set anew until then. */
  #markOrigin(weights: Weights<unknown>): void {
    if (this.iterations > 0 || this.#micro > 0 || !this.#origin) return
    for (const [t, values] of weights.copy().entries()) weights.setVector('origin', t, values)
  }

  #newTrace(weights: Weights<unknown>): RunningTrace {
    const names = weights.tensors.filter((_, i) => this.#mask[i]).map(({ name }) => name)
    return new RunningTrace(names, traceDecay)
  }

  /** Checks all of a state before it changes anything. */
  #take(weights: Weights<unknown>, saved: readonly NamedTensor[]): void {
    const { accumulation } = this.#settings.base.options as Required<GradientOptions>
    const sizes = weights.tensors.map(({ size }) => size)
    const { moments } = weights
    const state = readState(saved, { sizes, moments, accumulation, origin: this.#origin })
    const trace = state.trace.length > 0 ? this.#newTrace(weights) : null
    const perturbed = this.#mask.filter(Boolean).length
    const samples = state.samples.length
    if (trace?.load(state.trace) === false || (samples > 0 && samples !== perturbed)) {
      throw new SaltflatError('ERR_STATE', 'Expected the curvature statistics of this model, received others.')
    }
    const fresh = state.tensors.length === 0
    for (const [t, size] of sizes.entries()) {
      for (const [v, name] of state.vectors.entries()) if (!fresh) weights.setVector(name, t, state.tensors[t]![v]!)
      // A state saved before the first step has no vectors: training begins anew.
      for (let m = 0; fresh && m < moments; m++) weights.setVector(`moment${m}`, t, new Float32Array(size))
    }
    this.iterations = state.iterations
    this.#settings.seed = state.seed
    if (state.micro > 0) weights.setBanked(state.banked)
    this.#micro = state.micro
    this.#samples = state.samples
    this.#trace = trace
  }

  #drop(): void {
    for (const { tensor: one } of this.#pending ?? []) one.dispose()
    this.#pending = null
  }
}
