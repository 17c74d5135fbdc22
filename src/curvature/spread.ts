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
  const running = new RunningSpread()
  for (const sample of samples) running.add(sample)
  return running.spread
}

/** The same of samples that come one by one and are not kept (Welford 1962). */
export class RunningSpread {
  #count = 0
  #mean = 0
  #squares = 0

  add(sample: number): void {
    const before = sample - this.#mean
    this.#mean += before / ++this.#count
    this.#squares += before * (sample - this.#mean)
  }

  /** What they say by now; a mean of 0 before the first. */
  get spread(): Spread {
    const count = this.#count
    const deviation = count > 1 ? Math.sqrt(this.#squares / (count - 1)) : 0
    return { mean: this.#mean, deviation, standardError: count > 1 ? deviation / Math.sqrt(count) : Infinity }
  }
}
