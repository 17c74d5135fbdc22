import { SaltflatError, shown } from './errors.ts'
import type { ParameterFilter, Schedule } from './types.ts'

/** The form of every refusal of an argument: expected, received, what to do. */
export function invalid(expected: string, received: unknown, advice = ''): SaltflatError {
  const tail = advice === '' ? '' : ` ${advice}`
  return new SaltflatError('ERR_INVALID_ARGUMENT', `Expected ${expected}, received ${shown(received)}.${tail}`)
}

/** A finite number of `min` (exclusive where `open`) to `max`. */
export function number(
  name: string,
  value: unknown,
  { min = -Infinity, max = Infinity, open = false }: { min?: number; max?: number; open?: boolean } = {},
): number {
  const fits =
    typeof value === 'number' && Number.isFinite(value) && value <= max && (open ? value > min : value >= min)
  if (!fits) {
    const lower = min === -Infinity ? '' : ` ${open ? '>' : '≥'} ${min}`
    const upper = max === Infinity ? '' : `${lower === '' ? '' : ' and'} ≤ ${max}`
    throw invalid(`a finite number${lower}${upper} for ${name}`, value)
  }
  return value
}

/** A whole number of `min` to `max`. */
export function whole(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid(`a whole number of ${min} to ${max} for ${name}`, value)
  }
  return value
}

/** One of the listed strings. */
export function oneOf<T extends string>(name: string, value: unknown, known: readonly T[]): T {
  if (typeof value !== 'string' || !(known as readonly string[]).includes(value)) {
    throw invalid(`${known.map((one) => `'${one}'`).join(' or ')} for ${name}`, value)
  }
  return value as T
}

/** A number in range, or a function; a function's values are checked when they are used. */
export function schedule(name: string, value: unknown, range: { min: number; open?: boolean }): Schedule {
  if (typeof value === 'function') return value as (step: number) => number
  return number(name, value, range)
}

/** The value of a schedule at a step. */
export function at(name: string, value: Schedule, step: number, range: { min: number }): number {
  if (typeof value !== 'function') return value
  let now: unknown
  try {
    now = value(step)
  } catch (error) {
    if (error instanceof SaltflatError) throw error
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected a number for ${name} at step ${step}, received a throw: ${error}`,
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

/** Refuses keys that no one reads: a misspelt option is otherwise a silent default. */
export function knownKeys(name: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(`an object for ${name}`, options, 'Write options by name, as in adam({ learningRate: 0.1 }).')
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new SaltflatError(
        'ERR_INVALID_ARGUMENT',
        `Expected only ${known.join(', ')} in ${name}, received '${key}'. Look for a misspelt name.`,
      )
    }
  }
}
