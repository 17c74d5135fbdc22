/**
 * Where the time of a call goes. Methods that are watched charge their time to a part, less what watched methods inside
 * them take; the rest belongs to the call itself. Nothing in `src/` knows of it: methods are swapped from outside, for
 * this process only. A reading costs some 0.1 µs, which the parts share.
 */
export class Stopwatch {
  readonly #stack: { part: string; inner: number; opaque: boolean }[] = []
  #calls: Map<string, number>[] = []
  #read = false

  /** Times one whole call; what no watched method claims goes to `rest`. */
  call(rest: string, f: () => void): void {
    // The figures were asked for: what follows is another round.
    if (this.#read) this.#calls = []
    this.#read = false
    this.#calls.push(new Map())
    this.#time(rest, false, f)
  }

  /**
   * Charges a method's time to a part. `opaque`: watched methods inside it count as its own. `top`: only where the call
   * itself is the caller. What there is no method for costs nothing.
   */
  watch(
    target: object,
    name: string,
    part: string,
    { opaque = false, top = false }: { opaque?: boolean; top?: boolean } = {},
  ): void {
    const object = target as Record<string, (...args: unknown[]) => unknown>
    const original = object[name]
    if (typeof original !== 'function') return
    const watch = this
    object[name] = function (this: unknown, ...args) {
      const stack = watch.#stack
      const frame = stack.at(-1)
      if (frame === undefined || frame.opaque || (top && stack.length > 1)) return original.apply(this, args)
      return watch.#time(part, opaque, () => original.apply(this, args))
    }
  }

  /** Nanoseconds of a part in each call since the last round of questions. */
  of(part: string): number[] {
    this.#read = true
    return this.#calls.map((parts) => parts.get(part) ?? 0)
  }

  #time<T>(part: string, opaque: boolean, f: () => T): T {
    const frame = { part, inner: 0, opaque }
    this.#stack.push(frame)
    const begun = performance.now()
    try {
      return f()
    } finally {
      const whole = performance.now() - begun
      this.#stack.pop()
      const parent = this.#stack.at(-1)
      if (parent !== undefined) parent.inner += whole
      const parts = this.#calls.at(-1)!
      parts.set(part, (parts.get(part) ?? 0) + (whole - frame.inner) * 1e6)
    }
  }
}
