import type { UpdateOptions } from './binding.d.ts'
import { loadBinding } from './load.ts'

let fields: readonly (keyof UpdateOptions)[] | undefined

/** An update as the addon's `finish` takes it: numbers in its own order, and room for what it gives back. */
export class Update {
  readonly numbers: Float64Array
  /** U·(g⁺ − g⁻) of each tensor, as the last `finish` of a pair has left them. */
  readonly dots: Float64Array

  constructor(tensors: number) {
    fields ??= loadBinding().updateFields()
    this.numbers = new Float64Array(fields.length + tensors)
    this.dots = this.numbers.subarray(fields.length)
  }

  /** Takes over an update; returns what `finish` is to be given. */
  set(update: UpdateOptions): Float64Array {
    for (let i = 0; i < fields!.length; i++) this.numbers[i] = update[fields![i]!]
    return this.numbers
  }
}

/** The numbers of one update of so many tensors. */
export function packed(update: UpdateOptions, tensors: number): Float64Array {
  return new Update(tensors).set(update)
}
