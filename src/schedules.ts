import { invalid, whole } from './checks.ts'
import { at, schedule as checked } from './options.ts'
import { lengthOf, scheduleObject } from './schedule-kinds.ts'
import type { Schedule, ScheduleDecay, ScheduleObject, SchedulePart, ScheduleSpan } from './types.ts'

// Schedules as frozen plain objects: unlike functions they survive JSON, and so a saved optimizer. A step is one update
// of the weights, counted from 0; values are learning rates or sizes of noise, hence ≥ 0. What is out of range is
// refused with ERR_INVALID_ARGUMENT.

/**
 * The same value at every step, as the number itself gives it.
 *
 * @example
 * constant(0.1)
 */
export function constant(value: number): ScheduleObject {
  return scheduleObject('constant', { kind: 'constant', value })
}

/**
 * A straight line: initial + (final − initial)·t/steps, and final from then on.
 *
 * - `initial`: value at step 0, ≥ 0.
 * - `final`: value at step `steps` and after, ≥ 0.
 * - `steps`: a whole number ≥ 1.
 *
 * @example
 * nso(sgd(), { sigma: linear({ initial: 0, final: 0.02, steps: 1000 }) })
 */
export function linear(options: ScheduleSpan): ScheduleObject {
  return scheduleObject('linear', { ...given(options), kind: 'linear' })
}

/**
 * Linear warm-up: `linear` from `initial`, 0 by default (Goyal et al. 2017 start at 1/k of the final rate). Step 0 then
 * moves nothing.
 *
 * @example
 * adam({ learningRate: joined([warmup({ final: 1e-3, steps: 500 }), cosine({ initial: 1e-3, steps: 9500 })]) })
 */
export function warmup(options: Omit<ScheduleSpan, 'initial'> & { initial?: number }): ScheduleObject {
  return scheduleObject('warmup', { initial: 0, ...given(options), kind: 'linear' })
}

/**
 * Equal ratios: initial·(final/initial)^(t/steps), and final from then on.
 *
 * Options as for `linear`, but `initial` and `final` are > 0.
 *
 * @example
 * nso(sgd(), { sigma: geometric({ initial: 1e-5, final: 0.02, steps: 1000 }) })
 */
export function geometric(options: ScheduleSpan): ScheduleObject {
  return scheduleObject('geometric', { ...given(options), kind: 'geometric' })
}

/**
 * Half a cosine wave: final + (initial − final)·(1 + cos(π·t/steps))/2, and final from then on. `final` is 0 by default.
 * Other options as for `linear`. Source: Loshchilov & Hutter 2017 (SGDR), without restarts; `joined` makes these.
 *
 * @example
 * sgd({ learningRate: cosine({ initial: 0.1, steps: 10_000 }) })
 */
export function cosine(options: Omit<ScheduleSpan, 'final'> & { final?: number }): ScheduleObject {
  return scheduleObject('cosine', { final: 0, ...given(options), kind: 'cosine' })
}

/**
 * Stairs: initial·factor^⌊t/every⌋, without end.
 *
 * - `initial`: value of the first `every` steps, ≥ 0.
 * - `every`: steps of a stair, a whole number ≥ 1.
 * - `factor`: > 0. Default 0.1, that of PyTorch's StepLR and of most ResNet recipes.
 *
 * @example
 * momentum({ learningRate: stepDecay({ initial: 0.1, every: 3000 }) })
 */
export function stepDecay(options: Omit<ScheduleDecay, 'factor'> & { factor?: number }): ScheduleObject {
  return scheduleObject('stepDecay', { factor: 0.1, ...given(options), kind: 'step-decay' })
}

/**
 * Smooth decay, or growth: initial·factor^(t/every), without end.
 *
 * - `initial`: value at step 0, ≥ 0.
 * - `factor`: > 0, reached every `every` steps.
 * - `every`: a whole number ≥ 1. Default 1, so that `factor` is PyTorch's gamma.
 *
 * @example
 * sgd({ learningRate: exponential({ initial: 0.1, factor: 0.96, every: 1000 }) })
 */
export function exponential(options: Omit<ScheduleDecay, 'every'> & { every?: number }): ScheduleObject {
  return scheduleObject('exponential', { every: 1, ...given(options), kind: 'exponential' })
}

/**
 * One schedule after another, each from its own step 0; the last one goes on for good.
 *
 * Each part is `{ schedule, steps }`, where the schedule may also be a number. A schedule that ends by itself (`linear`,
 * `warmup`, `geometric`, `cosine`) may stand alone and then counts for its own steps; so may the last part.
 *
 * @example
 * joined([{ schedule: 0.1, steps: 3000 }, { schedule: 0.01, steps: 2000 }, 0.001])
 */
export function joined(parts: readonly (number | ScheduleObject | SchedulePart)[]): ScheduleObject {
  if (!Array.isArray(parts) || parts.length === 0) throw invalid('an array of one schedule or more for joined', parts)
  const last: unknown = parts.at(-1)
  if (isPart(last)) {
    throw invalid('a schedule as the last part of joined', last, 'It goes on for good: leave out its steps.')
  }
  return scheduleObject('joined', { kind: 'joined', parts: parts.slice(0, -1).map(timed), last })
}

/**
 * The value of any schedule at a step, a whole number ≥ 0: to print or plot it.
 *
 * @example
 * Array.from({ length: 100 }, (_, step) => valueAt(cosine({ initial: 0.1, steps: 100 }), step))
 */
export function valueAt(schedule: Schedule, step: number): number {
  whole('step', step, 0, Number.MAX_SAFE_INTEGER)
  return at('schedule', checked('schedule', schedule, { min: 0 }), step, { min: 0 })
}

/** Options without those that are undefined, which mean the default. */
function given(options: object): object {
  if (typeof options !== 'object' || options === null) throw invalid('an object for the options of a schedule', options)
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function isPart(value: unknown): value is SchedulePart {
  return typeof value === 'object' && value !== null && 'schedule' in value
}

function timed(value: number | ScheduleObject | SchedulePart, index: number): SchedulePart {
  if (isPart(value)) return value
  const schedule = typeof value === 'number' ? value : scheduleObject(`part ${index} of joined`, value)
  const steps = lengthOf(schedule)
  if (steps === null) {
    throw invalid(`steps for part ${index} of joined`, value, 'It has no end of its own: write { schedule, steps }.')
  }
  return { schedule, steps }
}
