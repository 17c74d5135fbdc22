import type { TraceEstimate } from '../types.ts'
import { interval95 } from './interval.ts'

/**
 * A running mean of trace samples with its standard error, each sample weighing `decay` times its successor (decay 1: all
 * alike). Kept for every tensor and for the total, whose samples are not independent between tensors.
 */
export class RunningTrace {
  readonly #names: readonly string[]
  readonly #decay: number
  /** Mean and sum of squared deviations, for each tensor and last for the total. */
  readonly #mean: Float64Array
  readonly #deviation: Float64Array
  #weight = 0
  #squares = 0
  #samples = 0
  #sigma = 0

  constructor(names: readonly string[], decay: number) {
    this.#names = names
    this.#decay = decay
    this.#mean = new Float64Array(names.length + 1)
    this.#deviation = new Float64Array(names.length + 1)
  }

  /** Adds one sample a tensor. */
  add(samples: readonly number[], sigma: number): void {
    this.#weight = this.#decay * this.#weight + 1
    this.#squares = this.#decay ** 2 * this.#squares + 1
    this.#samples++
    this.#sigma = sigma
    let total = 0
    for (let i = 0; i < samples.length; i++) {
      total += samples[i]!
      this.#include(i, samples[i]!)
    }
    this.#include(samples.length, total)
  }

  #include(i: number, sample: number): void {
    const delta = sample - this.#mean[i]!
    this.#mean[i]! += delta / this.#weight
    this.#deviation[i] = this.#decay * this.#deviation[i]! + delta * (sample - this.#mean[i]!)
  }

  /** The estimate now, or null before the first sample. */
  estimate(): TraceEstimate | null {
    if (this.#samples === 0) return null
    const last = this.#names.length
    return {
      trace: this.#mean[last]!,
      standardError: this.#error(last),
      interval95: interval95(this.#mean[last]!, this.#error(last), this.#degrees()),
      perLayer: this.#names.map((name, i) => ({ name, trace: this.#mean[i]!, standardError: this.#error(i) })),
      sigma: this.#sigma,
      samples: this.#samples,
    }
  }

  /** Everything needed to go on: numbers that travel bit for bit. */
  save(): Float64Array {
    return Float64Array.of(this.#weight, this.#squares, this.#samples, this.#sigma, ...this.#mean, ...this.#deviation)
  }

  /** Goes on from `save`; false where the length does not fit. */
  load(saved: Float64Array): boolean {
    const size = this.#mean.length
    if (saved.length !== 4 + 2 * size) return false
    ;[this.#weight, this.#squares, this.#samples, this.#sigma] = saved as unknown as [number, number, number, number]
    this.#mean.set(saved.subarray(4, 4 + size))
    this.#deviation.set(saved.subarray(4 + size))
    return true
  }

  /** Degrees of freedom of the variance: Satterthwaite's, from Σw² and Σw³ of the weights w, which sum up to 1. */
  #degrees(): number {
    const decay = this.#decay
    if (decay === 1) return this.#samples - 1
    const total = (power: number) => (1 - decay ** (power * this.#samples)) / (1 - decay ** power)
    const [squares, cubes] = [total(2) / total(1) ** 2, total(3) / total(1) ** 3]
    return this.#samples > 1 ? (1 - squares) ** 2 / (squares - 2 * cubes + squares ** 2) : 0
  }

  #error(i: number): number {
    // Unbiased variance of a weighted sample, times Σw²/(Σw)² for its mean.
    const effective = this.#squares / this.#weight ** 2
    if (effective >= 1) return Infinity
    const variance = this.#deviation[i]! / this.#weight / (1 - effective)
    return Math.sqrt(variance * effective)
  }
}
