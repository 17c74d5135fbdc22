import { engine, type Tensor, type Variable } from '@tensorflow/tfjs-core'
import { SaltflatError, shown } from '../errors.ts'
import type { Hyperparameters, Workspace } from '../native/index.ts'
import { fromNative, loadBinding } from '../native/index.ts'
import type { Distribution } from '../types.ts'
import { openStore } from './registry.ts'
import type { Store } from './store.ts'

export type { Variable }

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
  /** σ of each variable; 0: not perturbed. */
  scales: Float32Array
}

/**
 * The trainable weights of a model, seen twice: W in native memory, and W' in the variables that tfjs computes with.
 * Every method is one fused pass that reads gradients and writes W'.
 */
export class Weights {
  readonly variables: readonly Variable[]
  readonly #workspace: Workspace
  readonly #openStore: (variables: readonly Variable[]) => Store
  #store: Store
  /** The tfjs backend that the store is of. */
  #backend: unknown

  constructor(
    variables: readonly Variable[],
    { rule, sums }: WeightsOptions,
    open: (variables: readonly Variable[]) => Store = openStore,
  ) {
    checkVariables(variables)
    this.variables = variables
    this.#openStore = open
    let workspace: Workspace | null = null
    try {
      const sizes = variables.map((variable) => variable.size)
      workspace = new (loadBinding().Workspace)(sizes, rule, sums)
      this.#workspace = workspace
      this.#backend = engine().backend
      this.#store = open(variables)
      workspace.load(this.#store.read())
    } catch (error) {
      workspace?.dispose()
      throw fromNative(error)
    }
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

  /** Whether these are the variables, unchanged in number, order and shape. */
  holds(variables: readonly Variable[]): boolean {
    return this.variables.length === variables.length && this.variables.every((one, i) => one === variables[i])
  }

  /** Takes over values that somebody else assigned since the last write, and a change of the tfjs backend. */
  sync(): void {
    for (const variable of this.variables) checkAlive(variable)
    const moved = this.#followBackend()
    if (moved || this.#store.changed()) this.#workspace.load(this.#store.read())
  }

  begin({ seed, distribution, stream, step, scales }: StepNoise): void {
    this.#workspace.begin(seed, distribution, stream, step, scales)
  }

  perturb(j: number): void {
    this.#write((out) => this.#workspace.perturb(j, out))
  }

  flip(j: number, g: Gradients): void {
    this.#write((out) => this.#workspace.flip(j, this.#store.values(g), out))
  }

  accumulate(j: number, first: boolean, g: Gradients): void {
    this.#write((out) => this.#workspace.accumulate(j, first, this.#store.values(g), out))
  }

  collect(next: number, factor: number, first: boolean, g: Gradients): void {
    this.#write((out) => this.#workspace.collect(next, factor, first, this.#store.values(g), out))
  }

  ascend(scales: Float32Array, g: Gradients): void {
    this.#write((out) => this.#workspace.ascend(scales, this.#store.values(g), out))
  }

  finish(parts: string, scale: number, pair: number, hyper: Hyperparameters, g: Gradients): void {
    this.#write((out) => this.#workspace.finish(parts, scale, pair, hyper, this.#store.values(g), out))
  }

  /** W' ← W, bit for bit. */
  restore(): void {
    this.#write((out) => this.#workspace.restore(out))
  }

  squaredNorms(g: Gradients): number[] {
    return this.#workspace.squaredNorms(this.#store.values(g))
  }

  /** Σ U·(g⁺ − g⁻) of each variable in this step. */
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
    this.#followBackend()
    this.#store.write(fill)
  }

  /** Opens the store anew where tfjs has moved to another backend: memory of the old one is no longer computed with. */
  #followBackend(): boolean {
    const { backend } = engine()
    if (backend === this.#backend) return false
    this.#store = this.#openStore(this.variables)
    this.#backend = backend
    return true
  }
}

/** Gradients in the order of the variables; null where the loss does not depend on one. */
export type Gradients = readonly (Tensor | null)[]

/** Refuses what cannot be trained: nothing, the same twice, what is disposed or not float32. */
export function checkVariables(variables: readonly Variable[]): void {
  if (variables.length === 0) {
    throw new SaltflatError(
      'ERR_EMPTY',
      'Expected at least one trainable variable, received none. Unfreeze a layer and compile again, or pass variables.',
    )
  }
  for (const variable of variables) {
    checkAlive(variable)
    if (variable.dtype !== 'float32') {
      throw new SaltflatError(
        'ERR_DTYPE',
        `Expected float32 variables, received ${variable.dtype} in '${variable.name}'. Make it non-trainable or cast it.`,
      )
    }
  }
  if (new Set(variables).size !== variables.length) {
    throw new SaltflatError('ERR_INVALID_ARGUMENT', 'Expected each variable once, received one several times.')
  }
  if (variables.every((variable) => variable.size === 0)) {
    throw new SaltflatError('ERR_EMPTY', 'Expected at least one element to train, received variables of size 0.')
  }
}

function checkAlive(variable: Variable): void {
  if (typeof variable?.assign !== 'function') {
    const layer = typeof (variable as { read?: unknown } | null)?.read === 'function'
    const advice = layer ? ' Pass model.trainableWeights.map((weight) => weight.read() as tf.Variable).' : ''
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected tf.Variables, received ${shown(variable)}.${advice}`)
  }
  if (variable.isDisposed) {
    throw new SaltflatError('ERR_DISPOSED', `Expected live variables, received '${variable.name}', which was disposed.`)
  }
}
