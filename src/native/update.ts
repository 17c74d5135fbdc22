import type { UpdateOptions } from './binding.d.ts'
import { loadBinding } from './load.ts'

let fields: readonly (keyof UpdateOptions)[] | undefined

/** The numbers of an update in the order in which the addon reads them; into `numbers`, where some are given. */
export function packed(update: UpdateOptions, numbers?: Float64Array): Float64Array {
  fields ??= loadBinding().updateFields()
  const into = numbers ?? new Float64Array(fields.length)
  for (let i = 0; i < fields.length; i++) into[i] = update[fields[i]!]
  return into
}
