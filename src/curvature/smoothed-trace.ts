import type { Variable } from '@tensorflow/tfjs-core'
import { evaluate, type Loss } from '../grads/evaluate.ts'
import { withRandomness } from '../grads/randomness.ts'
import { SideEffects } from '../grads/side-effects.ts'
import { fromNative } from '../native/index.ts'
import { number, predicate, whole } from '../options.ts'
import { Weights } from '../params/weights.ts'
import type { ParameterFilter, TraceEstimate } from '../types.ts'
import { RunningTrace } from './running-trace.ts'

/** Options of `smoothedTrace`. */
export interface SmoothedTraceOptions {
  /** The variables that the Hessian is taken in. */
  variables: readonly Variable[]
  /** Size of the smoothing noise, in units of the weights: > 0. */
  sigma: number
  /** Pairs of gradients: 1 to 16,777,216. Default 16. */
  pairs?: number
  /** Seed of the noise. Default 0. */
  seed?: number
  /** Which variables are perturbed. Default: all. */
  filter?: ParameterFilter | undefined
}

/** Stream of stability estimates; see the design's table of streams. */
const stream = 1

/**
 * The trace of the Hessian of the loss smoothed by N(0, σ²I): mean over pairs of U·(∇f(W + σU) − ∇f(W − σU))/(2σ).
 *
 * Two gradients a pair; weights are bit-equal afterwards, also after a throw. Equal seeds give equal noise, so several
 * models can be compared under the same perturbations. Throws ERR_INVALID_ARGUMENT, ERR_LOSS, ERR_NOT_FINITE.
 */
export function smoothedTrace(
  loss: Loss,
  { variables, sigma, pairs = 16, seed = 0, filter }: SmoothedTraceOptions,
): TraceEstimate {
  number('sigma', sigma, { min: 0, open: true })
  whole('pairs', pairs, 1, 2 ** 24)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const perturbed = predicate(filter)
  const chosen = variables.map(({ name }, i) => perturbed(name, i))
  const weights = new Weights(variables, { rule: 'mean', both: false })
  const running = new RunningTrace(
    variables.filter((_, i) => chosen[i]).map(({ name }) => name),
    1,
  )
  const scales = Float32Array.from(chosen, (one) => (one ? sigma : 0))
  const effects = new SideEffects(variables)
  // The same randomness inside the model for every gradient: the loss is one function of W.
  const gradientAt = (use: (gradients: ReturnType<typeof evaluate>['gradients']) => void) => {
    const { gradients } = withRandomness({ seed, step: 0, perturbation: 0 }, () =>
      effects.during(false, () => evaluate(loss, variables)),
    )
    try {
      use(gradients)
    } finally {
      for (const gradient of gradients) gradient?.dispose()
    }
  }
  try {
    for (let pair = 0; pair < pairs; pair++) {
      weights.begin({ seed, distribution: 'gaussian', stream, step: pair, scales })
      weights.perturb(0)
      gradientAt((gradients) => weights.flip(0, gradients))
      gradientAt((gradients) => weights.finish('pair', 0.5, 0, none, gradients))
      running.add(
        weights
          .dots()
          .filter((_, i) => chosen[i])
          .map((dot) => dot / (2 * sigma)),
        sigma,
      )
    }
    return running.estimate()!
  } catch (error) {
    throw fromNative(error)
  } finally {
    weights.restore()
    weights.dispose()
  }
}

/** The rule 'mean' reads none of these. */
const none = { learningRate: 0, beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0, step: 1 }
