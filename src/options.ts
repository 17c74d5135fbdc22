import { invalid, number } from './checks.ts'
import { SaltflatError, said } from './errors.ts'
import { evaluate, scheduleObject } from './schedule-kinds.ts'
import type { ParameterFilter, Schedule } from './types.ts'

export { invalid, isFloat32Array, knownKeys, largest, notFinite, number, oneOf, whole } from './checks.ts'

/** A number in range, a schedule object, or a function, whose values are checked when they are used. */
export function schedule(name: string, value: unknown, range: { min: number; max?: number; open?: boolean }): Schedule {
  if (typeof value === 'function') return value as (step: number) => number
  if (typeof value === 'object' && value !== null) return scheduleObject(name, value)
  const constant = number(name, value, range)
  // The core computes in f32.
  if (range.open && Math.fround(constant) === 0) throw invalid(`${name} > 1e-45`, value)
  return constant
}

/** The value of a schedule at a step. */
export function at(name: string, value: Schedule, step: number, range: { min: number; max?: number }): number {
  if (typeof value === 'number') return value
  let now: unknown
  try {
    now = evaluate(value, step)
  } catch (error) {
    if (error instanceof SaltflatError) throw error
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected a number for ${name} at step ${step}, received a throw: ${said(error)}`,
      {
        cause: error,
      },
    )
  }
  return number(`${name} at step ${step}`, now, range)
}

/** A filter as a predicate. `undefined` lets everything through. */
export function predicate(filter: ParameterFilter | undefined): (name: string, index: number) => boolean {
  if (filter === undefined) return () => true
  if (typeof filter === 'function') return filter
  const parts = Array.isArray(filter) ? filter : [filter]
  for (const part of parts) {
    if (typeof part !== 'string' && !(part instanceof RegExp)) {
      throw invalid('a string, a regular expression, an array of these or a function for filter', part)
    }
  }
  return (name) => parts.some((part) => (typeof part === 'string' ? name.includes(part) : new RegExp(part).test(name)))
}
