import type { DirectionOptions, KeepOptions, UpdateOptions, Workspace } from '../native/index.ts'
import { device, fromNative, loadBinding, typed, Update } from '../native/index.ts'
import type { Device, Distribution } from '../types.ts'
import type { Before, Store } from './store.ts'
import type { Gradients, Target } from './target.ts'

/** What the native vectors are for. */
export interface WeightsOptions {
  /** Base optimizer rule of the native core. */
  rule: string
  /** Vectors for gradients: 0 only the last one counts, 1 a pair, a total or a mean, 2 a pair and a total. */
  sums: 0 | 1 | 2
  /** Whether gradients of earlier micro-batches are kept. */
  bank?: boolean
  /** What pulls on each tensor besides its gradient; absent: nothing. */
  penalties?: Penalties | null
  /** Where they lie, unless SALTFLAT_DEVICE says otherwise; absent: 'auto'. */
  device?: Device
}

/** Coefficients of each tensor: g ← g + l2·w + distance·(w − w₀), w ← w − η·decay·w. */
export interface Penalties {
  l2: number[]
  decay: number[]
  distance: number[]
}

/** What addresses the noise of a step. */
export interface StepNoise {
  seed: number
  distribution: Distribution
  /** Rounds of the generator. */
  rounds: number
  stream: number
  step: number
}

/** The dots of a step without a pair. */
const none = new Float64Array(0)

/**
 * The weights of a target, seen twice: W in native memory, and W' in the target's store, which gradients are taken at.
 * Every method is one fused pass that reads gradients and writes W'.
 */
export class Weights<G> {
  readonly target: Target<G>
  readonly #workspace: Workspace
  readonly #passes: ReturnType<Workspace['passes']>
  #store: Store<G>
  /** Where the store is. */
  #place: unknown
  /** Whether W is still to be taken over from the store. */
  #behind = false
  /** W' as it was before `visit`. */
  #aside: Float32Array[] | null = null
  #room: Float32Array[] | null = null
  /** The numbers of the last update: a step makes no new ones. */
  readonly #update: Update

  constructor(
    target: Target<G>,
    { rule, sums, bank = false, penalties = null, device: wanted = 'auto' }: WeightsOptions,
  ) {
    target.check()
    this.target = target
    let workspace: Workspace | null = null
    try {
      const sizes = target.tensors.map(({ size }) => size)
      const origin = penalties?.distance.some((coefficient) => coefficient !== 0) ?? false
      workspace = new (loadBinding().Workspace)(sizes, rule, { sums, bank, origin }, { device: device(wanted) })
      if (penalties !== null) workspace.setPenalties(penalties.l2, penalties.decay, penalties.distance)
      this.#workspace = workspace
      this.#passes = workspace.passes()
      this.#update = new Update(sizes.length)
      this.#place = target.place()
      this.#store = target.open()
      workspace.load(this.#store.read())
    } catch (error) {
      workspace?.dispose()
      throw fromNative(error)
    }
  }

  /** What is trained, in order. */
  get tensors(): Target<G>['tensors'] {
    return this.target.tensors
  }

  /** Name of the store that serves. */
  get store(): string {
    return this.#store.name
  }

  /** Where W, G, P and the moments lie. */
  get device(): 'cpu' | 'cuda' {
    return this.#workspace.device as 'cpu' | 'cuda'
  }

  /** Bytes of the host's native memory held for W, G, P and the moments, or to move them. */
  get bytes(): number {
    return this.#workspace.bytes
  }

  /** Bytes held for them on a GPU. */
  get deviceBytes(): number {
    return this.#workspace.deviceBytes
  }

  /** Moment vectors that the base optimizer keeps. */
  get moments(): number {
    return this.#workspace.moments
  }

  /** Takes over values that somebody else has set since the last write, and a move to another place. */
  sync(): void {
    this.target.checkAlive()
    const moved = this.#followMove()
    if (!moved && !this.#store.changed() && !this.#behind) return
    // A GPU may fail to take them: then the next step asks again.
    this.#behind = true
    typed(() => this.#workspace.load(this.#store.read()))
    this.#behind = false
  }

  /** Sets the noise of a step: σ of each tensor (0: not perturbed). `first`: a new update begins. */
  begin({ seed, distribution, rounds, stream, step }: StepNoise, scales: Float32Array, first: boolean): void {
    this.#aside = null
    this.#passes.begin(seed, distribution, rounds, stream, step, scales, first)
  }

  perturb(j: number): void {
    this.#write((out) => this.#passes.perturb(j, out))
  }

  flip(g: Gradients<G>): void {
    this.#write((out, before) => this.#passes.flip(this.#store.values(g), out, before()))
  }

  accumulate(next: number, first: boolean, g: Gradients<G>): void {
    this.#write((out, before) => this.#passes.accumulate(next, first, this.#store.values(g), out, before()))
  }

  collect(next: number, factor: number, first: boolean, g: Gradients<G>): void {
    this.#write((out) => this.#workspace.collect(next, factor, first, this.#store.values(g), out))
  }

  ascend(scales: Float32Array, direction: DirectionOptions, keep: KeepOptions | undefined, g: Gradients<G>): void {
    this.#write((out) => this.#workspace.ascend(scales, direction, keep, this.#store.values(g), out))
  }

  /**
   * Returns Σ U·(g⁺ − g⁻) of each tensor in this step, to be read before the next one; nothing where g is not the second
   * half of a pair.
   */
  finish(update: UpdateOptions, g: Gradients<G>): Float64Array {
    const numbers = this.#update.set(update)
    this.#write((out, before) => {
      const half = update.paired === 1 ? (this.#aside ?? before()) : null
      this.#passes.finish(numbers, this.#store.values(g), out, half)
    })
    this.#aside = null
    return update.paired === 1 ? this.#update.dots : none
  }

  /** W' ← W for a pass in between; where `paired`, `finish` will still know W' as it was. */
  visit(paired: boolean): void {
    // A device has its own.
    const kept = paired && this.device === 'cpu' ? this.#remembered() : null
    this.restore()
    this.#aside = kept
  }

  /** A copy of W', always in the same memory. */
  #remembered(): Float32Array[] {
    return typed(() => {
      this.#followMove()
      this.#room ??= this.tensors.map(({ size }) => new Float32Array(size))
      for (const [i, values] of this.#store.written().entries()) this.#room[i]!.set(values)
      return this.#room
    })
  }

  /**
   * W' ← W, bit for bit; what has been disposed meanwhile is left out. Throws ERR_PANIC, having done it, where W itself is
   * that of an update cut short.
   */
  restore(): void {
    this.#aside = null
    typed(() => {
      this.#followMove()
      this.#store.write((out, whole) => this.#passes.restore(whole ?? out))
      this.#workspace.checkWhole()
    })
  }

  /** Throws ERR_PANIC where W or the moments are those of an update cut short. */
  checkWhole(): void {
    typed(() => this.#workspace.checkWhole())
  }

  /** A copy of W. Throws as `checkWhole`. */
  copy(): Float32Array[] {
    return typed(() => {
      this.#workspace.checkWhole()
      const out = this.tensors.map(({ size }) => new Float32Array(size))
      this.#passes.restore(out)
      return out
    })
  }

  /** g·g, g·P and P·P of each tensor, one after the other. */
  products(g: Gradients<G>): number[] {
    return this.#workspace.products(this.#store.values(g))
  }

  /** Σx² or Σ(wx)² of a direction, in each tensor. */
  norms(direction: DirectionOptions, g: Gradients<G>): number[] {
    return this.#workspace.norms(direction, this.#store.values(g))
  }

  /** A copy of one tensor of an owned vector: 'moment0' …, 'mean', 'bank', 'origin'. */
  vector(name: string, tensor: number): Float32Array {
    return typed(() => this.#workspace.vector(name, tensor))
  }

  setVector(name: string, tensor: number, values: Float32Array): void {
    typed(() => this.#workspace.setVector(name, tensor, values))
  }

  /** Which tensors the micro-batches of the next update have reached so far. */
  banked(): boolean[] {
    return typed(() => this.#workspace.banked())
  }

  setBanked(reached: readonly boolean[]): void {
    typed(() => this.#workspace.setBanked([...reached]))
  }

  dispose(): void {
    this.#workspace.dispose()
  }

  #write(fill: (out: Float32Array[] | Float32Array, before: () => Before) => void): void {
    // A loss may have disposed its own weights.
    this.target.checkAlive()
    this.#followMove()
    this.#store.write((out, whole, before) => fill(whole ?? out, before))
  }

  /** Opens the store anew where the values have moved: memory of the old place is no longer computed with. */
  #followMove(): boolean {
    const place = this.target.place()
    if (place === this.#place) return false
    this.#store = this.target.open()
    this.#place = place
    return true
  }
}
