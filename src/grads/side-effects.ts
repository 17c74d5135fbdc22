import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import { LayerStates, watchStates } from './layer-states.ts'

type Assign = (this: Variable, value: Tensor) => void

/** What assignments are effects of at the moment, and whether they are made; null: nobody looks at them. */
let running: SideEffects | null = null
let moving = false
const watched = new WeakSet<object>()

/**
 * Lets passes see the assignments to variables of a class. Once for good and not a pass at a time: to V8 each change
 * of a prototype makes whatever used it slow again.
 */
function watch(prototype: { assign: Assign }): void {
  if (watched.has(prototype)) return
  const { assign } = prototype
  prototype.assign = function (value) {
    if (running !== null && !running.takes(this, moving)) return
    assign.call(this, value)
  }
  watched.add(prototype)
}

/** What a pass may move for good. */
export interface Moves {
  /** Variables that it assigns to. */
  readonly variables: boolean
  /** The states of stateful layers. */
  readonly states: boolean
}

export const nothing: Moves = { variables: false, states: false }
export const everything: Moves = { variables: true, states: true }

/**
 * Assignments that a loss makes while it runs (BatchNorm moves its statistics so), and the states of stateful layers,
 * must move once a step, not once a pass, and not at all in a step that fails.
 */
export class SideEffects {
  readonly #variables: readonly Variable[]
  readonly #before: { variable: Variable; value: Tensor }[] = []
  readonly #states = new LayerStates()
  #ignored = false
  #watching = false

  constructor(variables: readonly Variable[]) {
    this.#variables = variables
  }

  /** Whether passes wanted to move something, and none was allowed to. */
  get pending(): boolean {
    return (this.#ignored && this.#before.length === 0) || this.#states.pending
  }

  /** Runs a pass whose effects are ignored, or made and remembered. */
  during<T>({ variables, states }: Moves, f: () => T): T {
    if (!this.#watching) this.#watch()
    const outer = running
    const wasMoving = moving
    running = this
    moving = variables
    const pass = this.#states.begin()
    let reached = false
    try {
      const result = f()
      reached = true
      return result
    } finally {
      running = outer
      moving = wasMoving
      this.#states.end(pass, states && reached)
    }
  }

  #watch(): void {
    // The class of the variables' own tfjs-core, should there be several copies.
    watch(Object.getPrototypeOf(this.#variables[0]))
    watchStates()
    this.#watching = true
  }

  /** @internal An assignment is about to be made: remembers the value before; false where it is ignored. */
  takes(variable: Variable, moving: boolean): boolean {
    if (!moving) {
      this.#ignored = true
      return false
    }
    if (!this.#before.some((one) => one.variable === variable)) {
      const kept = variable.clone()
      // What `keep` does; but a failed pass gives back whatever was kept through it, and this must outlive that.
      kept.kept = true
      this.#before.push({ variable, value: kept })
    }
    return true
  }

  /** The step succeeded. */
  commit(): void {
    this.#states.commit()
    this.#forget()
  }

  /** The step failed: everything as it was. */
  undo(): void {
    for (const { variable, value } of this.#before) if (!variable.isDisposed) variable.assign(value)
    this.#states.undo()
    this.#forget()
  }

  #forget(): void {
    // To empty what is empty takes V8 some microseconds.
    if (this.#before.length === 0) return
    for (const { value } of this.#before) value.dispose()
    this.#before.length = 0
  }
}
