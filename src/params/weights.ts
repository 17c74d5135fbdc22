import type { Hyperparameters, Workspace } from '../native/index.ts'
import { fromNative, loadBinding } from '../native/index.ts'
import type { Distribution } from '../types.ts'
import type { Store } from './store.ts'
import type { Gradients, Target } from './target.ts'

/** What the native vectors are for. */
export interface WeightsOptions {
  /** Base optimizer rule of the native core. */
  rule: string
  /** Vectors for gradients: 0 only the last one counts, 1 a pair, a total or a mean, 2 a pair and a total. */
  sums: 0 | 1 | 2
}

/** What addresses the noise of a step. */
export interface StepNoise {
  seed: number
  distribution: Distribution
  stream: number
  step: number
  /** σ of each tensor; 0: not perturbed. */
  scales: Float32Array
}

/**
 * The weights of a target, seen twice: W in native memory, and W' in the target's store, which gradients are taken at.
 * Every method is one fused pass that reads gradients and writes W'.
 */
export class Weights<G> {
  readonly target: Target<G>
  readonly #workspace: Workspace
  #store: Store<G>
  /** Where the store is. */
  #place: unknown

  constructor(target: Target<G>, { rule, sums }: WeightsOptions) {
    target.check()
    this.target = target
    let workspace: Workspace | null = null
    try {
      const sizes = target.tensors.map(({ size }) => size)
      workspace = new (loadBinding().Workspace)(sizes, rule, sums)
      this.#workspace = workspace
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

  /** Bytes of native memory held for W, G, P and the moments. */
  get bytes(): number {
    return this.#workspace.bytes
  }

  /** Moment vectors that the base optimizer keeps. */
  get moments(): number {
    return this.#workspace.moments
  }

  /** Takes over values that somebody else has set since the last write, and a move to another place. */
  sync(): void {
    this.target.checkAlive()
    const moved = this.#followMove()
    if (moved || this.#store.changed()) this.#workspace.load(this.#store.read())
  }

  begin({ seed, distribution, stream, step, scales }: StepNoise): void {
    this.#workspace.begin(seed, distribution, stream, step, scales)
  }

  perturb(j: number): void {
    this.#write((out) => this.#workspace.perturb(j, out))
  }

  flip(j: number, g: Gradients<G>): void {
    this.#write((out) => this.#workspace.flip(j, this.#store.values(g), out))
  }

  accumulate(j: number, first: boolean, g: Gradients<G>): void {
    this.#write((out) => this.#workspace.accumulate(j, first, this.#store.values(g), out))
  }

  collect(next: number, factor: number, first: boolean, g: Gradients<G>): void {
    this.#write((out) => this.#workspace.collect(next, factor, first, this.#store.values(g), out))
  }

  ascend(scales: Float32Array, g: Gradients<G>): void {
    this.#write((out) => this.#workspace.ascend(scales, this.#store.values(g), out))
  }

  finish(parts: string, scale: number, pair: number, hyper: Hyperparameters, g: Gradients<G>): void {
    this.#write((out) => this.#workspace.finish(parts, scale, pair, hyper, this.#store.values(g), out))
  }

  /** W' ← W, bit for bit. */
  restore(): void {
    this.#write((out) => this.#workspace.restore(out))
  }

  /** A copy of W. */
  copy(): Float32Array[] {
    const out = this.tensors.map(({ size }) => new Float32Array(size))
    this.#workspace.restore(out)
    return out
  }

  squaredNorms(g: Gradients<G>): number[] {
    return this.#workspace.squaredNorms(this.#store.values(g))
  }

  /** Σ U·(g⁺ − g⁻) of each tensor in this step. */
  dots(): number[] {
    return this.#workspace.dots()
  }

  /** The mean gradient that rule 'mean' left. */
  mean(tensor: number): Float32Array {
    return this.#workspace.mean(tensor)
  }

  moment(moment: number, tensor: number): Float32Array {
    return this.#workspace.moment(moment, tensor)
  }

  setMoment(moment: number, tensor: number, values: Float32Array): void {
    this.#workspace.setMoment(moment, tensor, values)
  }

  dispose(): void {
    this.#workspace.dispose()
  }

  #write(fill: (out: Float32Array[]) => void): void {
    this.#followMove()
    this.#store.write(fill)
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
