/** The event loop gets a turn this often, in ms. */
const every = 15

/**
 * Turns for the event loop in a long run of synchronous work: awaiting work that is done at once gives it none, and then no
 * timer, signal or message arrives.
 */
export class Turns {
  #last = performance.now()

  /** Gives it one if the last is long enough ago. */
  async take(): Promise<void> {
    if (performance.now() - this.#last < every) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#last = performance.now()
  }
}
