/**
 * Whose turn it is: of the methods under way, the `lanes` that have spent the fewest gradients may go on. So every lane
 * is busy until the end, whatever else the machine does slows all methods alike, and a run ended early has brought all of
 * them equally far. The words are shared between threads: one a method, and a last one that counts changes.
 */
export class Turns {
  readonly words: Int32Array
  readonly lanes: number

  /** Pass the `words` of another thread's instance to take part in it; `methods` is how many there are. */
  constructor(
    methods: number,
    lanes: number,
    words: Int32Array = new Int32Array(new SharedArrayBuffer(4 * methods + 4)),
  ) {
    this.words = words
    this.lanes = lanes
  }

  /** Notes what the method at `place` has spent so far. */
  spend(place: number, gradients: number): void {
    Atomics.store(this.words, place, gradients)
    this.#changed()
  }

  /** Takes the method at `place` out: it has ended, one way or another. */
  leave(place: number): void {
    this.spend(place, 2 ** 31 - 1)
  }

  /** Whether the method at `place` may take its next step; ties go to the earlier place. */
  may(place: number): boolean {
    const own = Atomics.load(this.words, place)
    let before = 0
    for (let other = 0; other < this.words.length - 1; other++) {
      const spent = Atomics.load(this.words, other)
      if (spent < own || (spent === own && other < place)) before++
    }
    return before < this.lanes
  }

  /** Blocks this thread until somebody notes a change, or for 100 ms. Not for a main thread. */
  sleep(place: number): void {
    const seen = Atomics.load(this.words, this.words.length - 1)
    if (!this.may(place)) Atomics.wait(this.words, this.words.length - 1, seen, 100)
  }

  #changed(): void {
    Atomics.add(this.words, this.words.length - 1, 1)
    Atomics.notify(this.words, this.words.length - 1)
  }
}
