/** Which eigenvalues are asked for. */
export type Which = 'largest' | 'smallest' | 'both' | 'magnitude'

/** All of them. */
export const whiches: readonly Which[] = ['largest', 'smallest', 'both', 'magnitude']

/** Places of the best `count` values, the most wanted first; of both ends: one of each in turn, the largest first. */
export function best(values: readonly number[], which: Which, count: number): number[] {
  const descending = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]!)
  const order = {
    largest: () => descending,
    smallest: () => descending.reverse(),
    magnitude: () => descending.sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!)),
    both: () => descending.map((_, i) => descending.at(i % 2 === 0 ? i / 2 : -(i + 1) / 2)!),
  }[which]()
  return order.slice(0, count)
}

/** The same as they are listed: of both ends first the largest, descending, then the smallest, ascending. */
export function listed(values: readonly number[], which: Which, count: number): number[] {
  const order = best(values, which, count)
  if (which !== 'both') return order
  return [...order.filter((_, i) => i % 2 === 0), ...order.filter((_, i) => i % 2 === 1)]
}

/** An end of the spectrum at which wanted ones lie. */
export interface End {
  /** 1 for the upper end, −1 for the lower: there sign·λ is largest. */
  readonly sign: 1 | -1
  /** The least wanted of them has this sign·λ, or |λ|. */
  readonly bar: number
}

/** The ends that these wanted values, the most wanted first, lie at. */
export function ends(wanted: readonly number[], which: Which): End[] {
  const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Infinity)
  const [upper, lower]: readonly (readonly number[])[] = {
    largest: [wanted, []],
    smallest: [[], wanted.map((one) => -one)],
    both: [wanted.filter((_, i) => i % 2 === 0), wanted.filter((_, i) => i % 2 === 1).map((one) => -one)],
    magnitude: [wanted.map(Math.abs), wanted.map(Math.abs)],
  }[which]
  const found: End[] = []
  if (upper!.length > 0) found.push({ sign: 1, bar: least(upper!) })
  if (lower!.length > 0) found.push({ sign: -1, bar: least(lower!) })
  return found
}
