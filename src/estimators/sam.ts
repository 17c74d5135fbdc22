import { predicate, schedule } from '../options.ts'
import type { ParameterFilter, Schedule } from '../types.ts'
import type { Estimator } from './estimator.ts'

/** Options of `sam`. */
export interface SamOptions {
  /**
   * Radius of the step uphill, in units of the weights' norm: > 0, or a schedule that may reach 0 (a plain step then).
   * Default 0.05, the paper's for CIFAR.
   */
  rho?: Schedule
  /** Which weights are perturbed. Default: all. */
  filter?: ParameterFilter | undefined
}

/**
 * Sharpness-aware minimization (Foret et al. 2021): g = ∇f(W), then the gradient at W + ρ·g/‖g‖. Two gradients a step.
 * A zero gradient has no direction: that step is a plain one.
 */
export const sam: Estimator<SamOptions> = {
  name: 'sam',
  summary: '∇f(W + ρ·g/‖g‖), g = ∇f(W)',
  defaults: { rho: 0.05, filter: undefined },
  size: 'rho',
  check(options) {
    schedule('rho', options.rho, { min: 0, open: true })
    predicate(options.filter)
  },
  passes: () => 2,
  both: () => false,
  pairs: () => 0,
  step(tools, _, rho) {
    tools.gradient(0)
    const norm = tools.norm()
    if (norm > 0) {
      tools.ascend(rho / norm)
      tools.gradient(0)
    }
    tools.finish('last', 1)
  },
}
