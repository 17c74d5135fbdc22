import { adam, cosine, nso, sam } from '../index.ts'
import type { MethodName } from '../report/comparison.ts'
import type { Settings } from './settings.ts'

/** Gradient evaluations in one step of each method. */
export const passesPerStep: Readonly<Record<MethodName, number>> = { adam: 1, sam: 2, nso: 2 }

/** Steps a method may take within the budget of gradient evaluations. */
export function stepsOf(method: MethodName, { gradientEvaluations }: Settings): number {
  return Math.floor(gradientEvaluations / passesPerStep[method])
}

/** The optimizer of a method: Adam with a learning rate that falls to 0 over the method's own steps, plain or wrapped. */
export function optimizerOf(method: MethodName, settings: Settings): ReturnType<typeof adam | typeof sam | typeof nso> {
  const { learningRate, rho, sigma, seed } = settings
  const base = adam({ learningRate: cosine({ initial: learningRate, steps: stepsOf(method, settings) }) })
  if (method === 'sam') return sam(base, { rho })
  if (method === 'nso') return nso(base, { sigma, perturbations: 1, seed })
  return base
}
