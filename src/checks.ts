import { SaltflatError, shown } from './errors.ts'
import { suggestion } from './suggestion.ts'

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

/** The largest number that the native core, which computes in f32, does not take for infinite. */
export const largest = 3.402_823_4e38

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

/** Refuses keys that no one reads: a misspelt option is otherwise a silent default. */
export function knownKeys(name: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(`an object for ${name}`, options, 'Write options by name, as in adam({ learningRate: 0.1 }).')
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined) throw unknownName(`only ${known.join(', ')} in ${name}`, 'option', unknown, known)
}

/** Refuses a name that nobody knows, and says which one was meant. */
export function unknownName(expected: string, what: string, name: string, known: readonly string[]): SaltflatError {
  const meant = suggestion(name, known)
  const advice = meant === undefined ? 'Look for a misspelt name.' : `Did you mean '${meant}'?`
  return new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected ${expected}, received unknown ${what} '${name.slice(0, 60)}'. ${advice}`,
  )
}

/** By its tag, for `instanceof` denies an array of another realm (a vm context, a test runner). */
export function isFloat32Array(value: unknown): value is Float32Array {
  return ArrayBuffer.isView(value) && (value as Partial<Float32Array>)[Symbol.toStringTag] === 'Float32Array'
}

/** Where the first NaN or Infinity stands; -1 if none does. A plain loop: `findIndex` takes ten times as long. */
export function notFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i
  return -1
}
