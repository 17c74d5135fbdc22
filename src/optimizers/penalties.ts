import { invalid, knownKeys, largest, number, oneOf, predicate } from '../options.ts'
import { maskOf } from '../params/mask.ts'
import type { Penalties } from '../params/weights.ts'
import type { ParameterFilter } from '../types.ts'

/** A group of weights that is held near where it began, or near 0: strength·‖W − W₀‖². */
export interface DistanceGroup {
  /** λ ≥ 0 of the penalty λ·‖W − W₀‖². The published code takes 1e-4. */
  strength: number
  /** Which weights belong to it. Default: all that no earlier group has. */
  filter?: ParameterFilter
  /** W₀: the weights at the first step ('initial', the default), or 0 ('zero', as published for a new head). */
  from?: 'initial' | 'zero'
}

/** Options about what pulls on the weights besides the gradient; every native base optimizer takes them. */
export interface PenaltyOptions {
  /** Coupled L2 penalty ≥ 0: g ← g + l2·w, after clipping, as torch's `weight_decay` of SGD and Adam. Default 0. */
  l2?: number
  /**
   * Decoupled decay λ ≥ 0: w ← w − ηλw before the step (Loshchilov & Hutter 2019). Default 0, for adamw 0.01 (torch's).
   */
  weightDecay?: number
  /** Which weights `l2` and `weightDecay` apply to; `noBiasesOrNorms` is the usual choice. Default: all. */
  decayFilter?: ParameterFilter | undefined
  /**
   * Penalty Σ strength·‖W − W₀‖² on the distance from the weights at the first step, which keeps a fine-tuned model near
   * the one it started from; added to the gradient after clipping, as 2·strength·(w − w₀). A number is the strength for
   * all weights; of several groups the first one counts whose filter matches (the published code scales groups by
   * depth). W₀ is saved with the optimizer. One more copy of the weights, unless all are held near 0. Default: none.
   */
  distance?: number | readonly DistanceGroup[] | undefined
}

/** Their defaults. */
export const penaltyDefaults: Required<PenaltyOptions> = {
  l2: 0,
  weightDecay: 0,
  decayFilter: undefined,
  distance: undefined,
}

/**
 * A filter for `decayFilter`: all weights but biases and the scales and shifts of normalization layers, by the names that
 * tfjs-layers gives them.
 *
 * @example
 * console.log(variables.map(({ name }) => name).filter((name) => noBiasesOrNorms.test(name)).length) // → 2
 * adamw({ weightDecay: 0.05, decayFilter: noBiasesOrNorms })
 */
export const noBiasesOrNorms: RegExp = /^(?!.*(bias|gamma|beta)(_\d+)?$)/

/** Checks them. */
export function checkPenalties({ l2, weightDecay, decayFilter, distance }: Required<PenaltyOptions>): void {
  number('l2', l2, { min: 0, max: largest })
  number('weightDecay', weightDecay, { min: 0, max: largest })
  predicate(decayFilter)
  if (distance === undefined) return
  for (const group of groups(distance)) {
    knownKeys('a group of distance', group, ['strength', 'filter', 'from'])
    number('strength', group.strength, { min: 0, max: largest / 2 })
    predicate(group.filter)
    oneOf('from', group.from ?? 'initial', ['initial', 'zero'])
  }
}

/** The coefficients of each tensor; null where nothing pulls. */
export function penaltiesOf(
  tensors: readonly { readonly name: string }[],
  { l2, weightDecay, decayFilter, distance }: Required<PenaltyOptions>,
): Penalties | null {
  if (l2 === 0 && weightDecay === 0 && distance === undefined) return null
  const decayed = l2 === 0 && weightDecay === 0 ? tensors.map(() => false) : maskOf(tensors, decayFilter)
  const penalties: Penalties = {
    l2: decayed.map((does) => (does ? l2 : 0)),
    decay: decayed.map((does) => (does ? weightDecay : 0)),
    distance: tensors.map(() => 0),
  }
  const free = tensors.map(() => true)
  for (const { strength, filter, from = 'initial' } of distance === undefined ? [] : groups(distance)) {
    for (const [i, matches] of maskOf(tensors, filter).entries()) {
      if (!matches || !free[i]) continue
      free[i] = false
      // The gradient of λ‖w − w₀‖² is 2λ(w − w₀).
      if (from === 'zero') penalties.l2[i]! += 2 * strength
      else penalties.distance[i] = 2 * strength
    }
  }
  return penalties
}

function groups(distance: unknown): readonly DistanceGroup[] {
  if (typeof distance === 'number') return [{ strength: distance }]
  if (Array.isArray(distance) && distance.length > 0) return distance as DistanceGroup[]
  throw invalid('a number ≥ 0, or an array of { strength, filter, from }, for distance', distance)
}
