import type { Interval } from './interval.ts'
import type { Block } from './operator.ts'
import { RunningSpread, type SpreadState } from './spread.ts'

/** Mean and quality of what `Tally` has counted. */
export interface Tallied {
  readonly mean: number
  readonly standardError: number
  readonly interval95: Interval
  readonly converged: boolean | null
  readonly perLayer: readonly BlockTrace[]
}

/** The part of a trace that lies in one block. */
export interface BlockTrace {
  /** The block's name. */
  readonly name: string
  /** Sum of the diagonal within it. */
  readonly mean: number
  /** Standard error of `mean`. */
  readonly standardError: number
}

/** The samples of a `Tally`: those of each block, and of the whole. */
export interface TallyState {
  readonly count: number
  readonly spreads: readonly SpreadState[]
  readonly total: SpreadState
}

/** Fewer samples may lie close together by luck. */
const fewest = 10

/** Independent samples of a sum over blocks, beside a part of it that is known. */
export class Tally {
  readonly #blocks: readonly Block[]
  readonly #known: number[]
  readonly #spreads: readonly RunningSpread[]
  readonly #total = new RunningSpread()
  #certain = false
  /** Samples so far. */
  count = 0

  constructor(blocks: readonly Block[]) {
    this.#blocks = blocks
    this.#known = blocks.map(() => 0)
    this.#spreads = blocks.map(() => new RunningSpread())
  }

  /** Takes the part of each block that needs no sample; `certain`: that is all there is. */
  know(parts: readonly number[], certain: boolean): void {
    for (const [i, part] of parts.entries()) this.#known[i]! += part
    this.#certain = certain
  }

  /** Takes a sample of each block. */
  add(sample: readonly number[]): void {
    this.count++
    for (const [i, part] of sample.entries()) this.#spreads[i]!.add(part)
    this.#total.add(sample.reduce((sum, part) => sum + part, 0))
  }

  /** What it was given, known parts apart. */
  get state(): TallyState {
    return { count: this.count, spreads: this.#spreads.map(({ state }) => state), total: this.#total.state }
  }

  /** Takes up the samples of another run. */
  restore({ count, spreads, total }: TallyState): void {
    this.count = count
    for (const [i, spread] of this.#spreads.entries()) spread.restore(spreads[i]!)
    this.#total.restore(total)
  }

  /** Whether no sample more is wanted. */
  done(tolerance: number | undefined): boolean {
    return this.#certain || (tolerance !== undefined && this.count >= fewest && this.#within(tolerance))
  }

  #within(tolerance: number): boolean {
    const { mean, standardError } = this.#quality(this.#total, sum(this.#known))
    return standardError <= tolerance * Math.abs(mean)
  }

  #quality({ spread }: RunningSpread, known: number): { mean: number; standardError: number } {
    return { mean: known + spread.mean, standardError: this.#certain ? 0 : spread.standardError }
  }

  estimate(tolerance: number | undefined): Tallied {
    const known = sum(this.#known)
    const { mean, standardError } = this.#quality(this.#total, known)
    const [low, high] = this.#total.interval95
    return {
      mean,
      standardError,
      interval95: this.#certain ? [mean, mean] : [low + known, high + known],
      converged: tolerance === undefined ? null : this.#within(tolerance),
      perLayer: this.#blocks.map(({ name }, i) => ({ name, ...this.#quality(this.#spreads[i]!, this.#known[i]!) })),
    }
  }
}

function sum(parts: readonly number[]): number {
  return parts.reduce((total, part) => total + part, 0)
}
