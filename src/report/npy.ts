import { encodeNpy } from '../io/npy.ts'
import { invalid } from '../options.ts'
import type { Plottable } from './types.ts'

/** The array of a result in numpy's format, as float64. Throws ERR_INVALID_ARGUMENT unless there is just one. */
export function toNpy({ array = [] }: Plottable): Uint8Array {
  const [only] = array
  if (only === undefined || array.length > 1) {
    throw invalid('one result of curvature for .npy', `${array.length}`, 'Save each to a file of its own, or as .csv.')
  }
  return encodeNpy({ shape: only.shape, data: Float64Array.from(only.values) })
}
