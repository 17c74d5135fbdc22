import { RunningTrace } from '../curvature/running-trace.ts'
import { SaltflatError } from '../errors.ts'
import type { Estimator } from '../estimators/estimator.ts'
import { estimators } from '../estimators/index.ts'
import { at } from '../options.ts'
import { maskOf } from '../params/mask.ts'
import type { Target } from '../params/target.ts'
import { Weights } from '../params/weights.ts'
import type { Distribution, ParameterFilter, Schedule } from '../types.ts'
import { hyperparameters } from './base.ts'
import type { Settings } from './config.ts'
import type { Oracle } from './oracle.ts'
import { type NamedTensor, readState, type State } from './state.ts'
import { Step, type StepInputs } from './step.ts'

/** Weight of a trace sample against its successor: about the last 200 steps count. */
const traceDecay = 0.99

/** What an optimizer has once it trains: the weights in native memory, the count of steps, the curvature. */
export class Training {
  iterations = 0
  readonly #settings: Settings
  readonly #estimator: Estimator<object>
  /** Of whatever it trains: what `open` was first given. */
  #weights: Weights<unknown> | null = null
  #mask: boolean[] = []
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

  get trace(): RunningTrace | null {
    return this.#trace
  }

  /** Parts that a batch is split into. */
  get parts(): number {
    const { data, perturbations } = this.#settings.options as { data?: string; perturbations?: number }
    return data === 'split' ? (perturbations ?? 1) : 1
  }

  /** One step; returns the mean loss over its passes. */
  step<G>(target: Target<G>, oracle: Oracle<G>): number {
    return this.#alone('minimize', () => {
      const { options } = this.#settings
      const weights = this.#open(target)
      const size = this.#size()
      const estimator = size === 0 ? estimators.plain! : this.#estimator
      const passes = estimator.passes(options)
      const split = this.parts > 1 && size !== 0
      const step = this.#newStep(weights, oracle, (perturbation, index) =>
        oracle.evaluate(split ? perturbation : -1, index === passes - 1),
      )
      step.run((tools) => estimator.step(tools, options, size), size)
      this.iterations++
      const samples = step.traceSamples(estimator.pairs(options))
      if (samples !== null) {
        this.#trace ??= this.#newTrace(weights)
        this.#trace.add(samples, size)
      }
      return step.meanLoss
    })
  }

  /** Takes what it will train, before the first step; returns the target that is stepped: this one, or its equal. */
  hold<T extends Target<unknown>>(target: T): T {
    return this.#alone('minimize', () => this.#open(target).target as T)
  }

  /** The base optimizer alone, on gradients computed elsewhere. */
  apply<G>(target: Target<G>, oracle: Oracle<G>): void {
    this.#alone('applyGradients', () => {
      const step = this.#newStep(this.#open(target), oracle, () => oracle.evaluate(-1, true))
      step.run((tools) => {
        tools.gradient(0)
        tools.finish('last', 1)
      }, 0)
      this.iterations++
    })
  }

  /** What is needed to go on. */
  state(): State {
    const weights = this.#weights
    const moments = (weights?.tensors ?? []).map((_, t) =>
      Array.from({ length: weights!.moments }, (_, m) => weights!.moment(m, t)),
    )
    return { iterations: this.iterations, moments, trace: this.#trace?.save() ?? new Float64Array(0) }
  }

  /** A state that waits for the weights it belongs to. */
  get pending(): readonly NamedTensor[] | null {
    return this.#pending
  }

  /** Goes on from a saved state: now, or at the first step, when the weights are known. Takes the tensors over. */
  restore(saved: readonly NamedTensor[], iterations: number): void {
    this.#alone('setWeights', () => {
      if (this.#weights === null) {
        this.#drop()
        this.#pending = saved
        this.iterations = iterations
        return
      }
      try {
        this.#take(this.#weights, saved)
      } finally {
        for (const { tensor: one } of saved) one.dispose()
      }
    })
  }

  dispose(): void {
    this.#alone('dispose', () => {
      this.#weights?.dispose()
      this.#weights = null
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

  #newStep<G>(weights: Weights<G>, oracle: Oracle<G>, evaluate: StepInputs<G>['evaluate']): Step<G> {
    const { base, seed, options } = this.#settings
    return new Step({
      weights,
      oracle,
      evaluate,
      noise: {
        seed,
        distribution: (options.distribution as Distribution | undefined) ?? 'gaussian',
        stream: 0,
        step: this.iterations,
      },
      mask: this.#mask,
      hyper: hyperparameters(base, this.iterations),
    })
  }

  /** Noise size or radius now; 1 for an estimator that has none. */
  #size(): number {
    const key = this.#estimator.size
    if (key === null) return 1
    return at(key, (this.#settings.options as Record<string, Schedule>)[key]!, this.iterations, { min: 0 })
  }

  #open<G>(target: Target<G>): Weights<G> {
    if (this.#weights !== null) {
      this.#weights.target.follow(target)
      this.#weights.sync()
      // `follow` has seen to it that the two targets are of one kind.
      return this.#weights as Weights<G>
    }
    const { base, options } = this.#settings
    target.check()
    const mask = maskOf(target.tensors, options.filter as ParameterFilter | undefined)
    const sums = this.#estimator.sums(options)
    // A base that lives elsewhere is given the mean, which needs a vector.
    const weights = new Weights(
      target,
      base.kind === null ? { rule: 'mean', sums: sums === 0 ? 1 : sums } : { rule: base.kind.name, sums },
    )
    this.#mask = mask
    try {
      if (this.#pending !== null) this.#take(weights, this.#pending)
    } catch (error) {
      weights.dispose()
      throw error
    }
    this.#drop()
    this.#weights = weights
    return weights
  }

  #newTrace(weights: Weights<unknown>): RunningTrace {
    const names = weights.tensors.filter((_, i) => this.#mask[i]).map(({ name }) => name)
    return new RunningTrace(names, traceDecay)
  }

  /** Checks all of a state before it changes anything. */
  #take(weights: Weights<unknown>, saved: readonly NamedTensor[]): void {
    const sizes = weights.tensors.map(({ size }) => size)
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
    this.iterations = state.iterations
    this.#trace = trace
  }

  #drop(): void {
    for (const { tensor: one } of this.#pending ?? []) one.dispose()
    this.#pending = null
  }
}
