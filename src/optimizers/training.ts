import { engine, type NamedTensorMap, type Tensor, tensor, type Variable } from '@tensorflow/tfjs-core'
import { RunningTrace } from '../curvature/running-trace.ts'
import { SaltflatError } from '../errors.ts'
import type { Estimator } from '../estimators/estimator.ts'
import { estimators } from '../estimators/index.ts'
import { type Evaluation, evaluate, forward, type Loss } from '../grads/evaluate.ts'
import { at } from '../options.ts'
import { maskOf } from '../params/mask.ts'
import { checkVariables, Weights } from '../params/weights.ts'
import type { Distribution, ParameterFilter, Schedule } from '../types.ts'
import { hyperparameters } from './base.ts'
import type { Settings } from './config.ts'
import { type NamedTensor, readState, type State } from './state.ts'
import { Step } from './step.ts'

/** Weight of a trace sample against its successor: about the last 200 steps count. */
const traceDecay = 0.99

/**
 * Runs a loss once: on part `part` of the batch (-1: all of it), through `run`, which evaluates what it is given. Only
 * passes that are `reported` count in a model's metrics.
 */
export type Pass = (part: number, run: (loss: Loss) => number, reported: boolean) => void

/** What an optimizer has once it trains: the weights in native memory, the count of steps, the curvature. */
export class Training {
  iterations = 0
  readonly #settings: Settings
  readonly #estimator: Estimator<object>
  #weights: Weights | null = null
  #mask: boolean[] = []
  #trace: RunningTrace | null = null
  /** A state that waits for the variables it belongs to. */
  #pending: readonly NamedTensor[] | null = null
  #busy = false

  constructor(settings: Settings, estimator: Estimator<object>) {
    this.#settings = settings
    this.#estimator = estimator
  }

  get weights(): Weights | null {
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

  /** One step; returns the mean loss over its passes. `metrics`: the loss is a model's and keeps its metrics. */
  step(variables: readonly Variable[], pass: Pass, metrics: boolean): number {
    return this.#alone('minimize', () => {
      const { options, batchNorm } = this.#settings
      const weights = this.#open(variables)
      const size = this.#size()
      const estimator = size === 0 ? estimators.plain! : this.#estimator
      const passes = estimator.passes(options)
      const step = this.#newStep(weights, (perturbation, index, effects) => {
        let result: Evaluation | null = null
        const run = (loss: Loss) => {
          const moving = batchNorm === 'last' && index === passes - 1
          result = effects.during(moving, () => evaluate(loss, weights.variables, metrics))
          return result.loss
        }
        pass(this.parts > 1 && size !== 0 ? perturbation : -1, run, true)
        return result!
      })
      step.run((tools) => {
        if (batchNorm === 'clean') {
          step.extra((effects) => pass(-1, (loss) => effects.during(true, () => forward(loss, metrics)), false))
        }
        estimator.step(tools, options, size)
      }, size)
      this.iterations++
      const samples = step.traceSamples(estimator.pairs(options))
      if (samples !== null) {
        this.#trace ??= this.#newTrace(weights)
        this.#trace.add(samples, size)
      }
      return step.meanLoss
    })
  }

  /** The base optimizer alone, on gradients computed elsewhere. */
  apply(gradients: NamedTensorMap | readonly NamedTensor[]): void {
    this.#alone('applyGradients', () => {
      const byName = new Map<string, Tensor | null>(
        Array.isArray(gradients)
          ? gradients.map(({ name, tensor: one }) => [name, one ?? null])
          : Object.entries(gradients as NamedTensorMap),
      )
      const weights = this.#open(this.#weights?.variables ?? registered([...byName.keys()]))
      const known = new Set(weights.variables.map(({ name }) => name))
      for (const name of byName.keys()) if (!known.has(name)) throw unknownVariable(name)
      // Clones, for a step disposes of what it has used. tfjs leaves out variables that the loss does not reach.
      const evaluation = () => ({
        loss: 0,
        gradients: weights.variables.map(({ name, trainable }) => (trainable && byName.get(name)?.clone()) || null),
      })
      const step = this.#newStep(weights, evaluation)
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
    const moments = (weights?.variables ?? []).map((_, t) =>
      Array.from({ length: weights!.moments }, (_, m) => weights!.moment(m, t)),
    )
    return { iterations: this.iterations, moments, trace: this.#trace?.save() ?? new Float64Array(0) }
  }

  /** A state that waits for the variables it belongs to. */
  get pending(): readonly NamedTensor[] | null {
    return this.#pending
  }

  /** Goes on from a saved state: now, or at the first step, when the variables are known. Takes the tensors over. */
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
      mask: this.#mask,
      hyper: hyperparameters(base, this.iterations),
      update: base.foreign === null ? null : (mean) => this.#updateForeign(weights, mean),
    })
  }

  /** Noise size or radius now; 1 for an estimator that has none. */
  #size(): number {
    const key = this.#estimator.size
    if (key === null) return 1
    return at(key, (this.#settings.options as Record<string, Schedule>)[key]!, this.iterations, { min: 0 })
  }

  #open(variables: readonly Variable[]): Weights {
    if (this.#weights !== null) {
      if (!this.#weights.holds(variables)) {
        throw new SaltflatError(
          'ERR_STATE',
          `Expected the same variables at every step, received others${firstChange(this.#weights.variables, variables)}. Make one optimizer a model, and a new one after freezing or unfreezing layers.`,
        )
      }
      this.#weights.sync()
      return this.#weights
    }
    const { base, options } = this.#settings
    checkVariables(variables)
    const mask = maskOf(variables, options.filter as ParameterFilter | undefined)
    const sums = this.#estimator.sums(options)
    // A base that lives elsewhere is given the mean, which needs a vector.
    const weights = new Weights(
      variables,
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

  #newTrace(weights: Weights): RunningTrace {
    const names = weights.variables.filter((_, i) => this.#mask[i]).map(({ name }) => name)
    return new RunningTrace(names, traceDecay)
  }

  /** Checks all of a state before it changes anything. */
  #take(weights: Weights, saved: readonly NamedTensor[]): void {
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
    this.iterations = state.iterations
    this.#trace = trace
  }

  #drop(): void {
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
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      throw new SaltflatError('ERR_BASE', `The base optimizer threw: ${text}`, { cause })
    } finally {
      for (const { tensor: one } of named) (one as Tensor | null)?.dispose()
    }
  }
}

/** The first variable that is new or missing, for a message. */
function firstChange(held: readonly Variable[], given: readonly Variable[]): string {
  const added = given.find((one) => !held.includes(one))
  if (added !== undefined) return ` ('${added.name}' is new)`
  const gone = held.find((one) => !given.includes(one))
  return gone === undefined ? ' (in another order)' : ` ('${gone.name}' is missing)`
}

function registered(names: readonly string[]): Variable[] {
  const known = engine().registeredVariables
  return names.map((name) => known[name] ?? fail(unknownVariable(name)))
}

function unknownVariable(name: string): SaltflatError {
  return new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected gradients of the variables that this optimizer trains, received '${name}'.`,
  )
}

function fail(error: Error): never {
  throw error
}
