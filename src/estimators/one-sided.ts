import { type Estimator, mixes, WHOLE } from './estimator.ts'
import { checkNoise, type NoiseOptions, noiseDefaults } from './noise.ts'

/**
 * One-sided noise ("WP-SGD"; with mixing λ the random weight perturbation of Li et al., TMLR 2024): the mean of
 * ∇f(W + σUⱼ) over k perturbations. Its noise has covariance σ²H²/k, which the pairs of nso cancel.
 *
 * k gradients a step, one more where λ > 0.
 */
export const oneSided: Estimator<NoiseOptions> = {
  name: 'one-sided',
  summary: 'mean of ∇f(W + σU) over k perturbations',
  defaults: noiseDefaults,
  size: 'sigma',
  check: checkNoise,
  passes: ({ perturbations, mixing }) => perturbations + (mixing > 0 ? 1 : 0),
  sums: ({ perturbations, mixing }) => (perturbations > 1 || mixing > 0 ? 1 : 0),
  pairs: () => 0,
  step(tools, { perturbations: k, mixing }) {
    if (mixing > 0) {
      tools.gradient(WHOLE)
      tools.collect(0, (k * mixing) / (1 - mixing), true)
    } else {
      tools.perturb(0)
    }
    for (let j = 0; j < k; j++) {
      tools.gradient(j)
      if (j < k - 1) tools.collect(j + 1, 1, j === 0 && mixing === 0)
    }
    tools.finish(k > 1 || mixing > 0 ? mixes.sum : mixes.last, (1 - mixing) / k)
  },
}
