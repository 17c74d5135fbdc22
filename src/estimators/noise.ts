import { invalid, largest, number, oneOf, predicate, schedule, whole } from '../options.ts'
import type { Distribution, ParameterFilter, Schedule } from '../types.ts'

/** Options shared by the estimators that add noise to the weights. */
export interface NoiseOptions {
  /**
   * Size of the noise: the standard deviation of σU, in units of the weights. > 0, or a schedule that may reach 0 (a
   * plain step then). Default 0.01, the value of most runs of the paper's code; nets trained from scratch take more
   * (0.08 in our digits example), and beyond a cliff they do not train at all.
   */
  sigma?: Schedule
  /** Perturbations averaged a step, k: 1 to 16,777,216. Default 1, the paper's. */
  perturbations?: number
  /** Shape of U. Default 'gaussian', the paper's. */
  distribution?: Distribution
  /** Share λ of the clean gradient ∇f(W), 0 ≤ λ < 1; above 0 it costs one more gradient. Default 0. */
  mixing?: number
  /** Which weights are perturbed. Default: all. */
  filter?: ParameterFilter | undefined
  /**
   * Whether the k perturbations see the same batch ('shared', as the published code does) or a k-th part of it each
   * ('split', the independent samples of the paper's algorithm). Parts differ by at most one example and count alike; a
   * batch of fewer than k examples is shared. Default 'shared'.
   */
  data?: 'shared' | 'split'
  /**
   * Rounds of the generator (Philox4x32): 10, the published number with its test vectors, or 7, some 15 % faster noise
   * that passes the same statistical tests (Salmon et al. 2011). The two draw other noise, equally good. Default 10.
   */
  rounds?: 7 | 10
}

/** Their defaults. */
export const noiseDefaults: Required<NoiseOptions> = {
  sigma: 0.01,
  perturbations: 1,
  distribution: 'gaussian',
  mixing: 0,
  filter: undefined,
  data: 'shared',
  rounds: 10,
}

/** Checks them. */
export function checkNoise(options: Required<NoiseOptions>): void {
  schedule('sigma', options.sigma, { min: 0, max: largest, open: true })
  whole('perturbations', options.perturbations, 1, 2 ** 24)
  oneOf('distribution', options.distribution, ['gaussian', 'rademacher', 'uniform', 'laplace'])
  number('mixing', options.mixing, { min: 0 })
  if (options.mixing >= 1) throw invalid('mixing < 1', options.mixing, 'With 1 no noise is left: use the base alone.')
  oneOf('data', options.data, ['shared', 'split'])
  predicate(options.filter)
  if (options.rounds !== 7 && options.rounds !== 10) throw invalid('7 or 10 for rounds', options.rounds)
}
