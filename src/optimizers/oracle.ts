import type { Evaluation } from '../grads/evaluate.ts'

/** The mean gradient of one tensor; null where the loss does not depend on it. */
export type Mean = (tensor: number) => Float32Array | null

/** Evaluates the gradients of one step, and takes back what a step that fails has done besides. */
export interface Oracle<G> {
  /**
   * One pass on part `part` of the batch (-1: all of it); `last` is the last one of the step, and `clean` one at W
   * itself.
   */
  evaluate(part: number, last: boolean, clean: boolean): Evaluation<G>
  /** Ahead of the update: a pass at W itself, where one is still wanted. `atWeights` brings W back and runs it. */
  settle(atWeights: (run: () => void) => void): void
  /** Updates the weights in place of the native core, which has left the mean gradient; null where the core does it. */
  readonly update: ((mean: Mean) => void) | null
  /** What the passes of a step run inside. */
  around(run: () => void): void
  /** The step succeeded. */
  commit(): void
  /** The step failed: everything as it was. */
  undo(): void
}
