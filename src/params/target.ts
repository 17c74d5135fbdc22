import type { Tensor } from '@tensorflow/tfjs-core'
import type { Store } from './store.ts'

/**
 * What an optimizer trains: tf.Variables, or a plain vector. `G` is the gradient of one tensor, in the form that the
 * target's own store reads.
 */
export interface Target<G> {
  /** The tensors in order: their place is what addresses their noise. */
  readonly tensors: readonly { readonly name: string; readonly size: number }[]
  /** Refuses what cannot be trained at all; asked once, before anything is allocated. */
  check(): void
  /** Refuses what has been disposed since. */
  checkAlive(): void
  /** Whether `other` is the same target, unchanged. */
  holds(other: Target<unknown>): boolean
  /** Goes on with `other`: takes over what it brings, or throws ERR_STATE where it is not the same target. */
  follow(other: Target<unknown>): void
  /** Where the values live now. Another place needs a fresh store. */
  place(): unknown
  /** Opens the store of the present place. */
  open(): Store<G>
  /** Gives back a gradient that has been used. */
  release(gradient: G): void
}

/** Gradients in the order of the tensors; null where the loss does not depend on one. */
export type Gradients<G = Tensor> = readonly (G | null)[]
