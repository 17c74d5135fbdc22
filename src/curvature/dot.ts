/** Σ aᵢbᵢ over a stretch of two flat vectors, by default all of them, in double precision. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>, from = 0, to: number = a.length): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += a[i]! * b[i]!
  return sum
}
