import type { Device } from '../types.ts'
import { type LanczosMoment, LanczosRun } from './lanczos.ts'
import type { Operator } from './operator.ts'
import { best, type End, ends, type Which } from './wanted.ts'

/** What is searched for, and how. */
export interface Wanted {
  readonly count: number
  readonly which: Which
  readonly tolerance: number
  readonly seed: number
  /** Vectors in memory at most, the operator's argument and product among them. */
  readonly basis: number
  /** Whether to look for what a single start cannot see. */
  readonly verify: boolean
}

/** An approximate eigenpair, whose vector is at this place among the locked ones or the Ritz vectors of this start. */
export interface Pair {
  readonly value: number
  readonly residual: number
  readonly locked: boolean
  readonly place: number
}

/** Where a search stands, besides the vectors. */
export interface SearchState {
  readonly numbers: LanczosMoment['numbers']
  readonly locked: readonly (readonly [value: number, residual: number])[]
  readonly starts: number
  readonly since: number
  readonly scale: number
}

/** Residuals below this share of the largest eigenvalue are float32's rounding. */
const rounding = 1e-6
/** Probability with which an eigenvalue may still be hidden when a search is over. */
const risk = 1e-4
/** Vectors beside the basis: the operator's argument, and its product. */
const beside = 2

/**
 * Lanczos with thick restarts (Wu & Simon 2000). One start sees each eigenvalue once, however often it repeats. So, once all
 * that are wanted have converged, they are locked, and a fresh start orthogonal to them looks for more, until it is sure that
 * there are none: its own outermost value has converged, or has stayed below for so many steps m that it would have shown but
 * with probability 1.648·√n·exp(−√ε·(2m − 1)), ε its distance relative to the spectrum's span (Kuczyński & Woźniakowski 1992;
 * with restarts on the way a rule of thumb).
 */
export class Search {
  readonly #wanted: Wanted
  readonly #size: number
  readonly #run: LanczosRun
  /** How many vectors the basis has room for. */
  readonly #rows: number
  #locked: { value: number; residual: number }[] = []
  #starts = 0
  /** Steps since the last start. */
  #since = 0
  /** Ritz vectors of this start, the current one among them. */
  #held = 0
  /** The largest |λ| seen. */
  #scale = 0
  #complete = false

  constructor(operator: Operator, wanted: Wanted, device: Device) {
    this.#wanted = wanted
    this.#size = operator.size
    this.#run = new LanczosRun(operator, { keep: true, vectors: wanted.basis, device })
    // One of them is for what is left of a product.
    this.#rows = Math.floor((wanted.basis - beside) / this.#run.vectorsARow) - 1
  }

  /** Whether it is sure that nothing is missing. */
  get complete(): boolean {
    return this.#complete
  }

  get bytes(): number {
    return this.#run.bytes
  }

  /** What the products, in float32, may be off by for a vector of length 1: no residual is known better. */
  get rounding(): number {
    return 2 ** -22 * this.#scale
  }

  start(): void {
    this.#run.start(this.#wanted.seed, this.#starts++)
    this.#since = 0
    this.#held = 0
  }

  /** One product. Returns whether the search is over. */
  async step(): Promise<boolean> {
    await this.#run.step()
    this.#since++
    this.#held++
    const { ended } = this.#run
    const capacity = this.#rows - this.#locked.length
    const full = this.#held >= capacity
    // Looking costs O(capacity³), which is little beside a product, but not nothing.
    if (!ended && !full && this.#since % Math.max(2, capacity >> 4) !== 0) return false
    const pairs = this.pairs()
    const wanted = this.wanted(pairs)
    const found = wanted.length === this.#wanted.count && wanted.every((pair) => this.converged(pair))
    const fresh = wanted.some(({ locked }) => !locked)
    const confirmed = found && !fresh && (ended || this.#settled(pairs, wanted))
    this.#complete = confirmed || (ended && this.#locked.length + this.#held === this.#size)
    if (this.#complete || (found && !this.#wanted.verify)) return true
    if (ended || (found && fresh)) {
      this.lock(wanted)
      this.start()
    } else if (full) this.#restart(pairs, wanted)
    return false
  }

  /** Those that are locked, and those of this start. */
  pairs(): Pair[] {
    const { values, residuals } = this.#held === 0 ? { values: [], residuals: [] } : this.#run.ritz()
    const pairs = [
      ...this.#locked.map((pair, place) => ({ ...pair, locked: true, place })),
      ...values.map((value, place) => ({ value, residual: residuals[place]!, locked: false, place })),
    ]
    this.#scale = pairs.reduce((most, { value }) => Math.max(most, Math.abs(value)), this.#scale)
    return pairs
  }

  /** The best of them. Where enough are locked, others take their place only if they lie beyond the tolerance. */
  wanted(pairs: readonly Pair[]): Pair[] {
    const { count, which } = this.#wanted
    const locked = pairs.filter((pair) => pair.locked)
    const inOrder = best(valuesOf(locked), which, count).map((place) => locked[place]!.value)
    if (locked.length === count && ends(inOrder, which).every((end) => !this.#beyond(end, pairs))) return locked
    const places = best(valuesOf(pairs), which, count)
    return places.map((place) => pairs[place]!)
  }

  converged({ value, residual }: Pair): boolean {
    return residual <= this.#within(value)
  }

  /** Makes these the locked ones, in ascending order of place; returns them so. */
  lock(wanted: readonly Pair[]): Pair[] {
    const inOrder = (locked: boolean) =>
      wanted.filter((pair) => pair.locked === locked).sort((a, b) => a.place - b.place)
    const [stay, kept] = [inOrder(true), inOrder(false)]
    this.#run.lock(placesOf(stay), placesOf(kept))
    const locked = [...stay, ...kept]
    this.#locked = locked.map(({ value, residual }) => ({ value, residual }))
    this.#since = 0
    this.#held = 0
    return locked
  }

  /** A copy of a locked vector. */
  vector(place: number): Float32Array {
    return this.#run.locked(place)
  }

  moment(): { at: SearchState; vectors: Float32Array[] } {
    const { numbers, vectors } = this.#run.moment()
    const locked = this.#locked.map(({ value, residual }) => [value, residual] as const)
    return { at: { numbers, locked, starts: this.#starts, since: this.#since, scale: this.#scale }, vectors }
  }

  restore({ numbers, locked, starts, since, scale }: SearchState, vectors: Float32Array[]): void {
    this.#run.restore({ numbers, vectors })
    this.#locked = locked.map(([value, residual]) => ({ value, residual }))
    this.#starts = starts
    this.#since = since
    this.#held = numbers.thetas.length + numbers.alphas.length
    this.#scale = scale
  }

  dispose(): void {
    this.#run.dispose()
  }

  /** Keeps the wanted ones of this start, and half of the others: those that converge next. */
  #restart(pairs: readonly Pair[], wanted: readonly Pair[]): void {
    const ritz = pairs.filter(({ locked }) => !locked)
    const needed = wanted.filter(({ locked }) => !locked).length
    const count = Math.max(1, needed + ((ritz.length - needed) >> 1))
    this.#run.restart(best(valuesOf(ritz), this.#wanted.which, Math.min(count, ritz.length - 1)))
    this.#held = Math.min(count, ritz.length - 1)
  }

  /** Whether nothing better than the locked ones is left, at any end. */
  #settled(pairs: readonly Pair[], wanted: readonly Pair[]): boolean {
    return ends(valuesOf(wanted), this.#wanted.which).every((end) => {
      const outermost = topmost(pairs, end)
      if (this.converged(outermost)) return true
      const height = end.sign * outermost.value
      const floor = pairs.reduce((least, { value }) => Math.min(least, end.sign * value), height)
      const distance = (end.bar - height) / (end.bar - floor)
      const hidden = 1.648 * Math.sqrt(this.#size) * Math.exp(-Math.sqrt(distance) * (2 * this.#since - 1))
      return distance > 0 && hidden <= risk
    })
  }

  /** Whether some pair of this start lies beyond the locked ones at this end. */
  #beyond(end: End, pairs: readonly Pair[]): boolean {
    if (this.#held === 0) return false
    return end.sign * topmost(pairs, end).value > end.bar + this.#within(end.bar)
  }

  /** The residual with which a value counts as found. */
  #within(value: number): number {
    return Math.max(this.#wanted.tolerance * Math.abs(value), rounding * this.#scale)
  }
}

/** The outermost pair of this start. */
function topmost(pairs: readonly Pair[], { sign }: End): Pair {
  return pairs.filter(({ locked }) => !locked).reduce((a, b) => (sign * b.value > sign * a.value ? b : a))
}

function valuesOf(pairs: readonly Pair[]): number[] {
  return pairs.map(({ value }) => value)
}

function placesOf(pairs: readonly Pair[]): number[] {
  return pairs.map(({ place }) => place)
}
