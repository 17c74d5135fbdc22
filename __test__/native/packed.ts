import { Update, type UpdateOptions } from '../../src/native/index.ts'

/** The numbers of one update of so many tensors. */
export function packed(update: UpdateOptions, tensors: number): Float64Array {
  return new Update(tensors).set(update)
}
