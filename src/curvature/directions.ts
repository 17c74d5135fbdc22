import { SaltflatError } from '../errors.ts'
import { split } from '../grads/hessian-product.ts'
import { loadBinding, typed } from '../native/index.ts'
import { invalid, notFinite, whole } from '../options.ts'
import { checked } from './operator.ts'

/** Flat directions, fresh: those that were given, or random ones. */
export function directionsOf(
  { directions = 1, seed = 0 }: { directions?: number | readonly Float32Array[]; seed?: number },
  variables: readonly { readonly size: number }[],
  mask: readonly boolean[],
): Float32Array[] {
  const moving = variables.flatMap(({ size }, n) => (mask[n] ? [{ size, n }] : []))
  const size = moving.reduce((sum, one) => sum + one.size, 0)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (Array.isArray(directions)) {
    if (directions.length !== 1 && directions.length !== 2) throw invalid('one or two directions', directions)
    return (directions as Float32Array[]).map((one) => {
      if (notFinite(checked(one, size, 'a direction')) >= 0) {
        throw new SaltflatError('ERR_NOT_FINITE', 'Expected a finite direction, received NaN or Infinity in it.')
      }
      // Along it every loss would look flat.
      if (one.every((value) => value === 0)) throw invalid('a direction with an element that is not 0', one)
      return one.slice()
    })
  }
  if (directions !== 1 && directions !== 2) throw invalid('1, 2 or an array of flat vectors for directions', directions)
  return Array.from({ length: directions }, (_, j) => {
    const flat = new Float32Array(size)
    let start = 0
    for (const { size: length, n } of moving) {
      flat.set(
        typed(() => loadBinding().sample(seed, 'gaussian', stream, 0, j, n, length)),
        start,
      )
      start += length
    }
    return flat
  })
}

/** Stream of stability estimates; see the design's table of streams. */
const stream = 1

/** A flat direction as parts beside all variables; null for those that stay. */
export function spread(
  flat: Float32Array,
  variables: readonly { readonly size: number }[],
  mask: readonly boolean[],
): (Float32Array | null)[] {
  const parts = split(
    variables.filter((_, i) => mask[i]),
    flat,
  )
  let next = 0
  return mask.map((moves) => (moves ? parts[next++]! : null))
}

/** out ← W + Σ sᵢ·dᵢ. */
export function walk(
  weights: readonly Float32Array[],
  directions: readonly (readonly (Float32Array | null)[])[],
  s: readonly number[],
  out: readonly Float32Array[],
): void {
  for (const [n, values] of out.entries()) {
    const [first, second] = directions.map((parts) => parts[n]!)
    if (first == null) continue
    const w = weights[n]!
    const [a, b = 0] = s as [number, number?]
    for (let i = 0; i < values.length; i++) values[i] = w[i]! + a * first[i]! + (second == null ? 0 : b * second[i]!)
  }
}
