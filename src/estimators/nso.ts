import { type Estimator, mixes, WHOLE } from './estimator.ts'
import { checkNoise, type NoiseOptions, noiseDefaults } from './noise.ts'

/**
 * Noise stability optimization (Zhang, Li, Ju: arXiv 2306.08553): the mean of ∇f(W + σUⱼ) and ∇f(W − σUⱼ) over k
 * perturbations. The pair cancels the first-order noise; what is left is the gradient of f + (σ²/2)·tr H.
 *
 * With mixing λ: λ∇f(W) + (1 − λ)·mean. 2k gradients a step, one more where λ > 0.
 */
export const nso: Estimator<NoiseOptions> = {
  name: 'nso',
  summary: 'mean of ∇f(W + σU) and ∇f(W − σU) over k perturbations',
  defaults: noiseDefaults,
  size: 'sigma',
  check: checkNoise,
  passes: ({ perturbations, mixing }) => 2 * perturbations + (mixing > 0 ? 1 : 0),
  sums: ({ perturbations, mixing }) => (perturbations > 1 || mixing > 0 ? 2 : 1),
  pairs: ({ perturbations }) => perturbations,
  step(tools, { perturbations: k, mixing }) {
    if (mixing > 0) {
      tools.gradient(WHOLE)
      // Weighted so that the common factor of `finish` leaves λ on it.
      tools.collect(0, (2 * k * mixing) / (1 - mixing), true)
    } else {
      tools.perturb(0)
    }
    for (let j = 0; j < k; j++) {
      tools.gradient(j)
      tools.flip()
      tools.gradient(j)
      if (j < k - 1) tools.accumulate(j + 1, j === 0 && mixing === 0)
    }
    tools.finish(k > 1 || mixing > 0 ? mixes.sumAndPair : mixes.pair, (1 - mixing) / (2 * k), true)
  },
}
