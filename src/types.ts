/**
 * A number for all steps, a function of the step (0, 1, 2, …), or a schedule that survives a save: what `cosine`,
 * `warmup` and their like make.
 */
export type Schedule = number | ((step: number) => number) | ScheduleObject

/** A schedule as plain data, which JSON keeps: the factories make it, and check it where it was written by hand. */
export type ScheduleObject =
  | {
      readonly kind: 'constant'
      /** Value at every step. */
      readonly value: number
    }
  | ({ readonly kind: 'linear' } & ScheduleSpan)
  | ({ readonly kind: 'geometric' } & ScheduleSpan)
  | ({ readonly kind: 'cosine' } & ScheduleSpan)
  | ({ readonly kind: 'step-decay' } & ScheduleDecay)
  | ({ readonly kind: 'exponential' } & ScheduleDecay)
  | {
      readonly kind: 'joined'
      /** What comes first, each from its own step 0. */
      readonly parts: readonly SchedulePart[]
      /** What follows the parts and goes on for good. */
      readonly last: number | ScheduleObject
    }

/** From one value to another over some steps; the last one stays. */
export interface ScheduleSpan {
  /** Value at step 0. */
  readonly initial: number
  /** Value at step `steps` and after it. */
  readonly final: number
  /** Steps from one to the other: a whole number ≥ 1. */
  readonly steps: number
}

/** A value multiplied by a factor again and again. */
export interface ScheduleDecay {
  /** Value at step 0. */
  readonly initial: number
  /** Factor for each `every` steps: > 0; below 1 the value falls. */
  readonly factor: number
  /** Steps between the factors: a whole number ≥ 1. */
  readonly every: number
}

/** One of the schedules that follow each other. */
export interface SchedulePart {
  /** It starts at its own step 0. */
  readonly schedule: number | ScheduleObject
  /** How long it counts: a whole number of steps ≥ 1. */
  readonly steps: number
}

/** Shape of the noise U; every one has mean 0 and unit variance. */
export type Distribution = 'gaussian' | 'rademacher' | 'uniform' | 'laplace'

/**
 * Which weights something applies to, by variable name (such as `dense_Dense1/kernel`): a part of the name, a regular
 * expression, several of either (any may match), or a function of the name and the place among the trainable weights.
 */
export type ParameterFilter =
  | string
  | RegExp
  | readonly (string | RegExp)[]
  | ((name: string, index: number) => boolean)

/**
 * Where an optimizer keeps its vectors and runs its passes: 'cpu'; 'cuda', the first GPU of NVIDIA's; or 'auto', the one
 * of them that is predicted to be faster, and the CPU where there is no GPU that works.
 */
export type Device = 'auto' | 'cpu' | 'cuda'

/** An estimate of the trace of the Hessian, with its quality. */
export interface TraceEstimate {
  /** tr H of the loss smoothed by Gaussian noise of size `sigma`, summed over all perturbed tensors. */
  readonly trace: number
  /** Standard error of `trace`; Infinity after a single sample. */
  readonly standardError: number
  /** Covers the trace 95 times in 100 while the weights stay where they are: by Student's t. */
  readonly interval95: readonly [number, number]
  /**
   * The same for each perturbed tensor (a layer's kernel and bias apart), in the order of the trainable weights, under
   * the variable's name: `tf.variable(x, true, 'name')` gives one in loops of your own.
   */
  readonly perLayer: readonly {
    /** Name of the variable. */
    readonly name: string
    /** tr of its block of the Hessian. */
    readonly trace: number
    /** Standard error of it. */
    readonly standardError: number
  }[]
  /** Size of the noise at the last sample. */
  readonly sigma: number
  /** Samples taken: updates for an optimizer, pairs for `smoothedTrace`. */
  readonly samples: number
}
