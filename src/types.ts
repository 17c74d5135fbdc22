/** A number, or a function of the step (0, 1, 2, …) that gives it. */
export type Schedule = number | ((step: number) => number)

/** Shape of the noise U; every one has mean 0 and unit variance. */
export type Distribution = 'gaussian' | 'rademacher' | 'uniform' | 'laplace'

/**
 * Which weights an estimator perturbs, by variable name (such as `dense_Dense1/kernel`): a part of the name, a regular
 * expression, several of either (any may match), or a function of the name and the place among the trainable weights.
 */
export type ParameterFilter =
  | string
  | RegExp
  | readonly (string | RegExp)[]
  | ((name: string, index: number) => boolean)

/** An estimate of the trace of the Hessian, with its quality. */
export interface TraceEstimate {
  /** tr H of the loss smoothed by Gaussian noise of size `sigma`, summed over all perturbed tensors. */
  readonly trace: number
  /** Standard error of `trace`; Infinity after a single sample. */
  readonly standardError: number
  /**
   * The same for each perturbed tensor (a layer's kernel and bias apart), in the order of the trainable weights, under
   * the variable's name: `tf.variable(x, true, 'name')` gives one in loops of your own.
   */
  readonly perLayer: readonly { readonly name: string; readonly trace: number; readonly standardError: number }[]
  /** Size of the noise at the last sample. */
  readonly sigma: number
  /** Samples taken: steps for an optimizer, pairs for `smoothedTrace`. */
  readonly samples: number
}
