import { evaluate, type Loss } from '../grads/evaluate.ts'
import { withRandomness } from '../grads/randomness.ts'
import { nothing, SideEffects } from '../grads/side-effects.ts'
import { fromNative } from '../native/index.ts'
import { invalid, knownKeys, largest, number, whole } from '../options.ts'
import { maskOf } from '../params/mask.ts'
import type { Gradients } from '../params/target.ts'
import { type Variable, Variables } from '../params/variables.ts'
import { Weights } from '../params/weights.ts'
import type { ParameterFilter, TraceEstimate } from '../types.ts'
import { RunningTrace } from './running-trace.ts'
import { RunningSpread } from './spread.ts'

/** Options of `smoothedTrace`. */
export interface SmoothedTraceOptions {
  /** The variables that the Hessian is taken in. */
  variables: readonly Variable[]
  /** Size of the smoothing noise, in units of the weights: > 0; that of training, to see what training saw. */
  sigma: number
  /** Pairs of gradients: 1 to 16,777,216. Default 16. */
  pairs?: number
  /** Seed of the noise. Default 0. */
  seed?: number
  /** Which variables are perturbed. Default: all. */
  filter?: ParameterFilter | undefined
}

/** The trace of a smoothed Hessian, with its quality and what it cost. */
export interface SmoothedTrace extends TraceEstimate {
  /** Gradient evaluations spent. */
  readonly passes: number
  /** Milliseconds that it took. */
  readonly wallMs: number
  /** Native memory meanwhile, in bytes. */
  readonly bytes: number
}

/** Stream of stability estimates; see the design's table of streams. */
const stream = 1

/**
 * The trace of the Hessian of the loss smoothed by N(0, σ²I): mean over pairs of U·(∇f(W + σU) − ∇f(W − σU))/(2σ).
 *
 * Two gradients a pair; native memory of two copies of the weights meanwhile. Weights are bit-equal afterwards, also after a
 * throw. The seed decides the noise and the randomness inside the model: equal seeds give equal noise, so several models
 * can be compared under the same perturbations. Throws ERR_INVALID_ARGUMENT, ERR_EMPTY, ERR_DTYPE, ERR_LOSS,
 * ERR_NO_GRADIENT, ERR_NOT_FINITE and ERR_DISPOSED.
 *
 * @example
 * const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
 * const loss = () => tf.tidy(() => tf.metrics.categoricalCrossentropy(y, model.apply(x) as tf.Tensor).mean() as tf.Scalar)
 * const { trace, standardError } = smoothedTrace(loss, { variables, sigma: 0.05, pairs: 32 })
 * console.log(`${trace.toFixed(0)} ± ${standardError.toFixed(0)}`) // → … ± …
 */
export function smoothedTrace(loss: Loss, options: SmoothedTraceOptions): SmoothedTrace {
  if (typeof loss !== 'function') {
    throw invalid(
      'a function that returns the loss',
      loss,
      'Of a model, write () => tf.metrics.meanSquaredError(y, model.apply(x)).mean().',
    )
  }
  knownKeys('the options of smoothedTrace', options, ['variables', 'sigma', 'pairs', 'seed', 'filter'])
  const { variables, sigma, pairs = 16, seed = 0, filter } = options
  if (!Array.isArray(variables)) throw invalid('an array of variables', variables)
  if (Math.fround(number('sigma', sigma, { min: 0, max: largest, open: true })) === 0)
    throw invalid('sigma > 1e-45', sigma)
  whole('pairs', pairs, 1, 2 ** 24)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const begun = performance.now()
  const weights = new Weights(new Variables(variables), { rule: 'mean', sums: 1 })
  try {
    const mask = maskOf(variables, filter)
    const names = variables.filter((_, i) => mask[i]).map(({ name }) => name)
    const running = new RunningTrace(names, 1)
    const total = new RunningSpread()
    const scales = Float32Array.from(mask, (perturbed) => (perturbed ? sigma : 0))
    const effects = new SideEffects(variables)
    // The same randomness inside the model for every gradient: the loss is one function of W.
    const gradientAt = (use: (gradients: Gradients) => void) => {
      const { gradients } = withRandomness(seed, 0, 0, () => effects.during(nothing, () => evaluate(loss, variables)))
      try {
        use(gradients)
      } finally {
        for (const gradient of gradients) gradient?.dispose()
      }
    }
    for (let pair = 0; pair < pairs; pair++) {
      weights.begin({ seed, distribution: 'gaussian', rounds: 10, stream, step: 0 }, scales, true)
      weights.perturb(pair)
      gradientAt((gradients) => weights.flip(gradients))
      let dots: ArrayLike<number> = []
      gradientAt((gradients) => {
        dots = weights.finish(mean, gradients)
      })
      const samples = Array.from(dots).filter((_, i) => mask[i])
      const sampled = samples.map((dot) => dot / (2 * sigma))
      running.add(sampled, sigma)
      total.add(sampled.reduce((sum, one) => sum + one, 0))
    }
    // Few pairs, whose skewness counts.
    const cost = { passes: 2 * pairs, wallMs: performance.now() - begun, bytes: weights.bytes }
    return { ...running.estimate()!, interval95: total.interval95, ...cost }
  } catch (error) {
    throw fromNative(error)
  } finally {
    try {
      weights.restore()
    } finally {
      weights.dispose()
    }
  }
}

/** The end of a pair; the rule 'mean' reads no hyperparameters. */
const mean = {
  ...{ last: 1, pair: 1, sum: 0, scale: 0.5, paired: 1, clipNorm: 0, clipValue: 0, first: 1, lastOf: 1 },
  ...{ learningRate: 0, beta1: 0, beta2: 0, epsilon: 0, step: 1 },
}
