import type { Tensor } from '@tensorflow/tfjs-core'
import { RNN } from '@tensorflow/tfjs-layers'

/** What this file uses of a recurrent layer. */
interface Recurrent {
  stateful: boolean
  /** What the next call starts from. */
  states_: Tensor[]
  /** Where the layer puts what it started from, for a backward pass; it gives it back at `resetStates` only. */
  keptStates: Tensor[][]
}

/** A layer's states ahead of a pass. */
interface Before {
  readonly states: readonly Tensor[]
  /** The same values: outside of training the layer disposes what it started from. */
  readonly copies: readonly Tensor[]
  readonly kept: number
}

/** Stateful layers that a pass has called: none at all in most models. */
export interface Pass {
  called: Map<Recurrent, Before> | null
  readonly outer: Pass | null
}

/** The pass which runs; null outside of one. */
let running: Pass | null = null

type Call = (this: Recurrent, ...args: unknown[]) => unknown
const watched = new WeakSet<object>()

/** Lets passes see which stateful layers they call. Once for good, and not a pass at a time: see `SideEffects`. */
export function watchStates(recurrent: { prototype: object } = RNN): void {
  const prototype = recurrent.prototype as { call: Call }
  if (watched.has(prototype)) return
  const { call } = prototype
  prototype.call = function (...args) {
    if (running !== null && this.stateful) {
      running.called ??= new Map()
      if (!running.called.has(this)) running.called.set(this, before(this))
    }
    return call.apply(this, args)
  }
  watched.add(prototype)
}

function before({ states_, keptStates }: Recurrent): Before {
  const copies = states_.map((one) => {
    const copy = one.clone()
    // What `keep` does; but a failed pass gives back whatever was kept through it, and this must outlive that.
    copy.kept = true
    return copy
  })
  return { states: [...states_], copies, kept: keptStates.length }
}

/**
 * The states of stateful recurrent layers in one step of several passes: each pass starts from those that the step began
 * with, and the next step from what one of them has reached.
 */
export class LayerStates {
  #next: Map<Recurrent, Tensor[]> | null = null
  #called = false

  /** Whether a pass has called a stateful layer, and none has advanced it. */
  get pending(): boolean {
    return this.#called && this.#next === null
  }

  /** A pass begins. */
  begin(): Pass {
    running = { called: null, outer: running }
    return running
  }

  /** It is over, and the layers have the states that they had; with `advance`, the next step has those of this pass. */
  end({ called, outer }: Pass, advance: boolean): void {
    running = outer
    if (called !== null) for (const [layer, states] of called) this.#putBack(layer, states, advance)
  }

  /** The step succeeded. */
  commit(): void {
    if (this.#next === null) return
    for (const [layer, states] of this.#next) {
      for (const one of layer.states_) one.dispose()
      layer.states_ = states
    }
    this.#next = null
  }

  /** The step failed: everything as it was. */
  undo(): void {
    for (const states of this.#next?.values() ?? []) for (const one of states) one.dispose()
    this.#next = null
  }

  #putBack(layer: Recurrent, { states, copies, kept }: Before, advance: boolean): void {
    this.#called = true
    const reached = layer.states_
    const passed = layer.keptStates.splice(kept).flat()
    const gone = states.some((one) => one.isDisposed)
    layer.states_ = [...(gone ? copies : states)]
    for (const one of gone ? states : copies) one.dispose()
    for (const one of passed) if (!states.includes(one)) one.dispose()
    if (advance) {
      this.#next ??= new Map()
      for (const one of this.#next.get(layer) ?? []) one.dispose()
      this.#next.set(layer, reached)
    } else for (const one of reached) if (!states.includes(one)) one.dispose()
  }
}
