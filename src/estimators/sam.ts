import { largest, predicate, schedule } from '../options.ts'
import type { ParameterFilter, Schedule } from '../types.ts'
import { type Estimator, mixes } from './estimator.ts'

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
 * A gradient of 0 has no direction, and the second one is then taken at W too.
 */
export const sam: Estimator<SamOptions> = {
  name: 'sam',
  summary: '∇f(W + ρ·g/‖g‖), g = ∇f(W)',
  defaults: { rho: 0.05, filter: undefined },
  size: 'rho',
  check(options) {
    schedule('rho', options.rho, { min: 0, max: largest, open: true })
    predicate(options.filter)
  },
  passes: () => 2,
  sums: () => 0,
  pairs: () => 0,
  step(tools, _, rho) {
    tools.gradient(0)
    // In f32, as it is applied: infinite where the gradient is 0, or too small to have a direction.
    const scale = Math.fround(rho / tools.norm())
    if (Number.isFinite(scale)) tools.ascend(scale)
    tools.gradient(0)
    tools.finish(mixes.last, 1)
  },
}
