import { knownKeys, number, whole } from '../options.ts'

/** What `traceBound` is made of. */
export interface TraceBoundInputs {
  /** Mean loss on the training examples, each clipped at the ceiling. */
  loss: number
  /** α > 0: no training example's trace is larger, at W and smoothed by noise up to σ (see docs/generalisation-bound.md). */
  trace: number
  /** ‖W − W₀‖ > 0, the distance from where training began, or from any weights that do not depend on the data. */
  radius: number
  /** Training examples: a whole number ≥ 1. */
  examples: number
  /** C > 0, where the loss of an example is clipped. */
  ceiling: number
  /** δ in (0, 1): the bound holds with probability 1 − δ over the draw of the training examples. Default 0.05. */
  delta?: number
  /** σ > 0, if it was fixed before the data were seen. Default: the best of a grid, which costs a logarithm. */
  sigma?: number
  /** β in (0, 1), if it was fixed before the data were seen. Default: the best of a grid, which costs a logarithm. */
  beta?: number
  /**
   * κ in [0, 1], the assumption on new data: noise of size σ raises their loss by at least κ times what it raises that of
   * the training examples. `noiseStability` on data held out can tell. Default 0: noise does not lower their loss.
   */
  transfer?: number
}

/** A bound on the expected loss, and what it consists of. */
export interface TraceBound {
  /** How it was taken. */
  readonly method: 'pac-bayes-trace'
  /** The bound: the sum of `terms`. */
  readonly value: number
  /** Size of the noise that it was taken at. */
  readonly sigma: number
  /** The σ that minimises the terms that depend on it, at this β. */
  readonly optimalSigma: number
  /** β that it was taken at. */
  readonly beta: number
  /** Its parts. */
  readonly terms: TraceBoundTerms
  /** Whether it says nothing: the ceiling is no higher. */
  readonly vacuous: boolean
}

/** The parts of a bound. */
export interface TraceBoundTerms {
  /** Of the training loss. */
  readonly loss: number
  /** Of the trace. */
  readonly trace: number
  /** Of the distance from W₀. */
  readonly distance: number
  /** Of δ, and of choosing σ and β after the data were seen. */
  readonly confidence: number
}

const names = ['loss', 'trace', 'radius', 'examples', 'ceiling', 'delta', 'sigma', 'beta', 'transfer']

/**
 * A PAC-Bayes bound on the expected clipped loss at W, from the training loss and the Hessian's trace:
 *
 *   L(W) ≤ (1/β)·[ L̂(W) + (1 − κβ)·α·σ²/2 + C/(2(1 − β)n)·( r²/(2σ²) + ln(1/(πδ)) ) ]
 *
 * with probability 1 − δ, for all W at once. π is the prior weight of (σ, β) in a grid that is fixed ahead (σ = 2^(k/4),
 * β = 1 − 2^(−i)), and 1 for what is given. The σ that minimises it has σ⁴ = C·r²/(2(1 − β)(1 − κβ)·n·α), and the terms of
 * trace and distance are then (1/β)·√(C·α·r²·(1 − κβ)/(2(1 − β)n)) together. With κ = 0 the right side bounds the loss
 * under noise, E f(W + σU), without any assumption on new data. Proof and assumptions: docs/generalisation-bound.md.
 *
 * Nothing is measured here: α comes from `perExampleTraces` or from `noiseStability` of single examples, and an estimate
 * of α makes an estimate of the bound. Throws ERR_INVALID_ARGUMENT.
 *
 * @example
 * const bound = traceBound({ loss: 0.02, trace: 3, radius: 4, examples: 60000, ceiling: 1 })
 * console.log(bound.value.toFixed(3), bound.sigma.toFixed(3)) // → 0.081 0.125
 */
export function traceBound(inputs: TraceBoundInputs): TraceBound {
  knownKeys('the inputs of traceBound', inputs, names)
  const { ceiling, delta = 0.05, sigma, beta, transfer = 0 } = inputs
  const positive = (name: string, value: unknown, max = Infinity) => number(name, value, { min: 0, open: true, max })
  positive('ceiling', ceiling)
  number('loss', inputs.loss, { min: 0, max: ceiling })
  positive('trace', inputs.trace)
  positive('radius', inputs.radius)
  whole('examples', inputs.examples, 1, Number.MAX_SAFE_INTEGER)
  positive('delta', delta, 1 - 2 ** -52)
  number('transfer', transfer, { min: 0, max: 1 })
  if (sigma !== undefined) positive('sigma', sigma)
  if (beta !== undefined) positive('beta', beta, 1 - 2 ** -52)
  const fixed = { ...inputs, delta, transfer }
  const betas = beta === undefined ? betaGrid : [{ at: beta, cost: 0 }]
  const candidates = betas.flatMap(({ at, cost }) => {
    const sigmas = sigma === undefined ? sigmaGrid(optimum(fixed, at)) : [{ at: sigma, cost: 0 }]
    return sigmas.map((one) => bound(fixed, one.at, at, cost + one.cost))
  })
  return candidates.reduce((best, one) => (one.value < best.value ? one : best))
}

type Fixed = TraceBoundInputs & { delta: number; transfer: number }

function bound(inputs: Fixed, sigma: number, beta: number, cost: number): TraceBound {
  const { loss, trace, radius, examples, ceiling, delta, transfer } = inputs
  const rate = ceiling / (2 * beta * (1 - beta) * examples)
  const terms = {
    loss: loss / beta,
    trace: ((1 / beta - transfer) * trace * sigma ** 2) / 2,
    distance: (rate * radius ** 2) / (2 * sigma ** 2),
    confidence: rate * (cost - Math.log(delta)),
  }
  const value = terms.loss + terms.trace + terms.distance + terms.confidence
  return {
    ...{ method: 'pac-bayes-trace' as const, value, sigma, optimalSigma: optimum(inputs, beta), beta, terms },
    vacuous: value >= ceiling,
  }
}

function optimum({ ceiling, radius, examples, trace, transfer }: Fixed, beta: number): number {
  return ((ceiling * radius ** 2) / (2 * (1 - beta) * (1 - transfer * beta) * examples * trace)) ** 0.25
}

/** A choice, and ln(1/π) of its prior weight π. */
interface Choice {
  readonly at: number
  readonly cost: number
}

/** β = 1 − 2^(−i), π = 1/(i(i + 1)), whose sum is 1; further ones can be best only where n > 2⁴⁰. */
const betaGrid: readonly Choice[] = Array.from({ length: 40 }, (_, k) => ({
  at: 1 - 2 ** -(k + 1),
  cost: Math.log((k + 1) * (k + 2)),
}))

/** The σ = 2^(k/4) around one: a bound at the nearest is 1.5 % above its minimum at most. */
function sigmaGrid(around: number): Choice[] {
  const middle = Math.round(4 * Math.log2(around))
  return Array.from({ length: 17 }, (_, i) => {
    const k = middle + i - 8
    // π = 1/(Z(1 + |k|)²) over all whole k, with Z = π²/3 − 1.
    return { at: 2 ** (k / 4), cost: Math.log((Math.PI ** 2 / 3 - 1) * (1 + Math.abs(k)) ** 2) }
  })
}
