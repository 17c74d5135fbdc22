import type { Runnable } from './measure.ts'
import { median } from './statistics.ts'

/** A round that warms up is so many times longer: V8 compiles what has run often. */
const warmUp = 6

/**
 * Two works of one process that take turns call by call: a b, b a, a b, … What a gradient takes moves by more, from one process
 * to the other and from one second to the next, than may lie between the two.
 */
export class Turns {
  readonly #sides: readonly [Runnable, Runnable]
  /** Milliseconds that a round takes; a turn at least. */
  readonly #budget: number
  /** Figures that nobody has asked for yet: who is asked first in a round measures it for both. */
  readonly #waiting: readonly [number[], number[]] = [[], []]
  /** Turns so far: rounds of one turn too begin with one side and with the other. */
  #turns = 0
  #effort = warmUp

  constructor(one: Runnable, other: Runnable, budget: number) {
    this.#sides = [one, other]
    this.#budget = budget
  }

  /** The median of one side's calls in this round, in nanoseconds. */
  async of(side: 0 | 1): Promise<number> {
    if (this.#waiting[side].length === 0) await this.#round()
    return this.#waiting[side].shift()!
  }

  async #round(): Promise<void> {
    const samples: [number[], number[]] = [[], []]
    const begun = performance.now()
    do {
      const order = this.#turns++ % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)
      for (const side of order) samples[side].push(await timed(this.#sides[side]))
    } while (performance.now() - begun < this.#effort * this.#budget)
    this.#effort = 1
    // What ran before has emptied the caches; not for long.
    const cold = samples[0].length > 4 ? 2 : 0
    for (const side of [0, 1] as const) this.#waiting[side].push(median(samples[side].slice(cold)) * 1e6)
  }
}

async function timed({ run, before }: Runnable): Promise<number> {
  // Between the turns of its loop Node frees what was dropped.
  await new Promise(setImmediate)
  before?.()
  const begun = performance.now()
  await run()
  return performance.now() - begun
}
