import type { Tensor, Variable } from '@tensorflow/tfjs-core'

/**
 * Where the values of what is trained live; for variables, on one backend. Values are values: a clone, or a tensor that
 * the user passed to `assign`, never changes under them, so a store writes in place only where nobody else refers to the
 * memory.
 */
export interface Store<G = Tensor> {
  /** Name for `doctor` and errors. */
  readonly name: string
  /** Whether somebody else has set values since the last write. */
  changed(): boolean
  /** The values, for reading until the next tfjs call. */
  read(): Float32Array[]
  /** What was written last, for reading until the next tfjs call. */
  written(): Float32Array[]
  /**
   * Lets `fill` set arrays that then are the values. If it throws, there still are values to compute with, but in-place
   * memory may hold anything: write again.
   */
  write(fill: Fill): void
  /** The values of gradients for one native pass, before the next tfjs call; null stays null. */
  values(gradients: readonly (G | null)[]): GradientValues
}

/**
 * Sets arrays. `whole` is all of them in one piece, each at a multiple of 64 floats, where they lie so, which native code
 * takes in less time. `before()` gives what was written last where `out` is other memory; null where `out` still holds it.
 */
export type Fill = (out: Float32Array[], whole: Float32Array | null, before: () => Before) => void

/** Values that `out` does not hold; null for all: it holds every one. */
export type Before = (Float32Array | null)[] | null

/**
 * Of each gradient its values, or the number by which the native side knows where they lie; or the values of them all in
 * one piece, each at a multiple of 64 floats.
 */
export type GradientValues = (Float32Array | number | null)[] | Float32Array

/** Opens a store for variables that live on the active backend, or says that it cannot. */
export type OpenStore = (variables: readonly Variable[], backend: unknown) => Store | null

/** A tfjs data id: an object that only its identity matters of. */
export type DataId = Tensor['dataId']
