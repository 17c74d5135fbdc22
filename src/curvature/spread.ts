/** Mean of independent samples, and how far they lie apart. */
export interface Spread {
  readonly mean: number
  /** Standard deviation between samples; 0 for a single one, which says nothing of it. */
  readonly deviation: number
  /** Standard error of the mean; Infinity for a single sample. */
  readonly standardError: number
}

/** What some samples say. */
export function spreadOf(samples: readonly number[]): Spread {
  const { length } = samples
  const mean = samples.reduce((sum, one) => sum + one, 0) / length
  const squares = samples.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const deviation = length > 1 ? Math.sqrt(squares / (length - 1)) : 0
  return { mean, deviation, standardError: length > 1 ? deviation / Math.sqrt(length) : Infinity }
}
