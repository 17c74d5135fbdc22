import { SaltflatError, said } from '../errors.ts'
import { predicate } from '../options.ts'
import type { ParameterFilter } from '../types.ts'

/** Which tensors a filter lets through. One that lets none through is refused: it would be a step without noise. */
export function maskOf(tensors: readonly { readonly name: string }[], filter: ParameterFilter | undefined): boolean[] {
  const passes = predicate(filter)
  let mask: boolean[]
  try {
    mask = tensors.map(({ name }, i) => Boolean(passes(name, i)))
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
  const names = tensors.slice(0, 8).map(({ name }) => `'${name}'`)
  throw new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected a filter that matches a variable, received one that matches none of ${names.join(', ')}${tensors.length > 8 ? ', …' : ''}.`,
  )
}
