import { SaltflatError, said } from '../errors.ts'
import { predicate } from '../options.ts'
import type { ParameterFilter } from '../types.ts'

/** Names that an error lists. */
const most = 16

/** Which tensors a filter lets through. One that lets none through is refused: it would be a step without noise. */
export function maskOf(tensors: readonly { readonly name: string }[], filter: ParameterFilter | undefined): boolean[] {
  const passes = predicate(filter)
  let mask: boolean[]
  try {
    mask = tensors.map(({ name }, i) => answered(passes(name, i)))
  } catch (cause) {
    if (cause instanceof SaltflatError) throw cause
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected a filter that answers, received a throw: ${said(cause)}`,
      {
        cause,
      },
    )
  }
  if (mask.includes(true)) return mask
  const names = tensors.slice(0, most).map(({ name }) => `'${name}'`)
  if (tensors.length > most) names.push(`${tensors.length - most} more`)
  throw new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected a filter that matches a variable, received ${written(filter)} that matches none of ${names.join(', ')}.`,
  )
}

/** A promise would count as yes. */
function answered(answer: unknown): boolean {
  if (typeof (answer as PromiseLike<unknown> | null)?.then === 'function') {
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      'Expected a filter that answers at once, received one that returns a promise. Make it synchronous.',
    )
  }
  return Boolean(answer)
}

/** A filter in the words of who wrote it. */
function written(filter: ParameterFilter | undefined): string {
  if (Array.isArray(filter) && filter.length === 0) return 'an empty array'
  const parts = Array.isArray(filter) ? filter : [filter]
  const texts = parts.map((part) => (typeof part === 'string' ? `'${part}'` : String(part)))
  return typeof filter === 'function' ? 'a function' : texts.join(', ')
}
