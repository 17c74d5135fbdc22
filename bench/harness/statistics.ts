/** What one round says: the median of its samples and the least of them. */
export interface Round {
  readonly value: number
  readonly least: number
}

/** A figure with its spread: median and quartiles over rounds. */
export interface Summary {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** The quantile of some values, linear between neighbours. NaN for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = q * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN]
  return below + (above - below) * (place - Math.floor(place))
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Median and quartiles: rare disturbances of a shared machine move neither. */
export function summary(values: readonly number[]): Summary {
  const [low, value, high] = [0.25, 0.5, 0.75].map((q) => quantile(values, q)) as [number, number, number]
  return { value, low, high }
}

/**
 * Combines two contestants round by round and sums that up. Within a round they ran moments apart, so a machine that
 * slows down for a while slows both, which the quotient of two medians would not see.
 */
export function paired(a: readonly number[], b: readonly number[], combine: (a: number, b: number) => number): Summary {
  if (a.length !== b.length) throw new Error(`Expected as many rounds of both, received ${a.length} and ${b.length}.`)
  return summary(a.map((value, round) => combine(value, b[round]!)))
}
