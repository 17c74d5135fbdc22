import { median, type Round } from './statistics.ts'

/** A reading of the clock must not count: a sample takes this long at least. */
const shortest = 0.1

/** What can be timed; `before` runs before every call, which then are timed one by one. */
export interface Runnable {
  run(): void | Promise<void>
  before?(): void
}

/**
 * One round of one contestant: the median and the least of its samples, in nanoseconds a call. What ran before has emptied
 * the caches, so some calls go by unmeasured, unless a single one takes so long that they cannot matter.
 */
export class Meter {
  /** Milliseconds of a call, as last seen; 0 before the first. */
  #call = 0

  async round({ run, before }: Runnable, budget: number): Promise<Round> {
    let lasting = false
    const timed = (calls: number) => {
      before?.()
      const begun = performance.now()
      const each = () => (performance.now() - begun) / calls
      let lasts = run()
      for (let i = 1; i < calls; i++) lasts = run()
      lasting = lasts !== undefined
      return lasts === undefined ? each() : lasts.then(each)
    }
    const begun = performance.now()
    if (this.#call < 200) {
      do {
        const taken = timed(1)
        // To await what is there already costs more than a short call.
        this.#call = typeof taken === 'number' ? taken : await taken
      } while (performance.now() - begun < budget / 5)
    }
    const samples: number[] = []
    const batch = before === undefined && !lasting ? Math.max(1, Math.ceil(shortest / Math.max(this.#call, 1e-6))) : 1
    const started = performance.now()
    do {
      this.#call = await timed(batch)
      samples.push(this.#call)
      // Between the turns of its loop Node frees what was dropped.
      await new Promise(setImmediate)
    } while (performance.now() - started < budget)
    return { value: median(samples) * 1e6, least: Math.min(...samples) * 1e6 }
  }
}
