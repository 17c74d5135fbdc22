import { type Interval, interval95 } from './interval.ts'

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

/** Where a `RunningSpread` stands. */
export type SpreadState = readonly [count: number, mean: number, squares: number, cubes: number]

/** The same of samples that come one by one and are not kept (Welford 1962; Pébay 2008). */
export class RunningSpread {
  #count = 0
  #mean = 0
  #squares = 0
  #cubes = 0

  add(sample: number): void {
    const count = ++this.#count
    const share = (sample - this.#mean) / count
    const square = (sample - this.#mean) * share * (count - 1)
    this.#mean += share
    this.#cubes += share * (square * (count - 2) - 3 * this.#squares)
    this.#squares += square
  }

  /** All that it knows, in numbers that JSON takes to the bit. */
  get state(): SpreadState {
    return [this.#count, this.#mean, this.#squares, this.#cubes]
  }

  /** Goes on from there. */
  restore([count, mean, squares, cubes]: SpreadState): void {
    this.#count = count
    this.#mean = mean
    this.#squares = squares
    this.#cubes = cubes
  }

  /** What they say by now; a mean of 0 before the first. */
  get spread(): Spread {
    const count = this.#count
    const deviation = count > 1 ? Math.sqrt(this.#squares / (count - 1)) : 0
    return { mean: this.#mean, deviation, standardError: count > 1 ? deviation / Math.sqrt(count) : Infinity }
  }

  /** The interval that covers what they are samples of 95 times in 100. */
  get interval95(): Interval {
    const { mean, standardError } = this.spread
    const count = this.#count
    // Adjusted Fisher–Pearson skewness of the samples; that of their mean is less by √count.
    const skewness =
      count > 2 && this.#squares > 0
        ? (this.#cubes / this.#squares ** 1.5) * ((count * Math.sqrt(count - 1)) / (count - 2) / Math.sqrt(count))
        : 0
    return interval95(mean, standardError, count - 1, skewness)
  }
}
