/** How a gradient is put together: sum·G + (pair·P + last·g). */
export interface Mix {
  readonly last: number
  readonly pair: number
  readonly sum: number
}

/** The mixes of unit factors. */
export const mixes: Readonly<Record<'last' | 'pair' | 'sum' | 'sumAndPair', Mix>> = {
  /** g */
  last: { last: 1, pair: 0, sum: 0 },
  /** P + g */
  pair: { last: 1, pair: 1, sum: 0 },
  /** G + g */
  sum: { last: 1, pair: 0, sum: 1 },
  /** G + (P + g) */
  sumAndPair: { last: 1, pair: 1, sum: 1 },
}

/** A direction x = last·g + pair·P; its length is √Σx², or √Σ(wx)² in the metric of the weights. */
export interface Direction {
  readonly last: number
  readonly pair: number
  readonly metric: 'plain' | 'weights'
}

/** The gradient itself. */
export const uphill: Direction = { last: 1, pair: 0, metric: 'plain' }

/**
 * What an estimator works with: fused native passes over W (the weights), g (the gradient that came last), P (the first
 * half of a pair, or a gradient kept by `ascend`), G (a running total), and the model's own values W'. None of them is
 * seen by the estimator itself.
 */
export interface Tools {
  /**
   * g ← gradient of the loss at W'. `perturbation` chooses in-model randomness, and the part of a split batch; `WHOLE`
   * takes all of the batch.
   */
  gradient(perturbation: number): void
  /** W' ← W + σU of this perturbation. */
  perturb(perturbation: number): void
  /** P ← g · W' ← W − σU, from W + σU. */
  flip(): void
  /** G += P + g (G ← where `first`) · W' ← W + σU of perturbation `next`. */
  accumulate(next: number, first: boolean): void
  /** G += factor·g (G ← where `first`) · W' ← W + σU of perturbation `next`. */
  collect(next: number, factor: number, first: boolean): void
  /** Length of a direction, by default of g, over the perturbed tensors: one read-only pass. */
  norm(direction?: Direction): number
  /** g·g, g·P and P·P over the perturbed tensors: one read-only pass. */
  products(): { gg: number; gp: number; pp: number }
  /**
   * W' ← W + scale·x of a direction, by default g (scale·w²x in the metric of the weights), on the perturbed tensors; and
   * with `keep`, P ← old·P + new·g. One pass that writes.
   */
  ascend(scale: number, direction?: Direction, keep?: { old: number; new: number }): void
  /**
   * Updates W by the base optimizer with scale·mix and writes it to the model. `half`: g is the second half of a pair, for
   * the free trace.
   */
  finish(mix: Mix, scale: number, half?: boolean): void
}

/** In place of a perturbation: a gradient on all of a batch that is split between perturbations. */
export const WHOLE = -1

/** How a gradient is estimated: one file each, registered in `index.ts`. `Size` is what its schedule gives a step. */
export interface Estimator<Options extends object = object> {
  /** Name in configurations, tables and the command line. */
  readonly name: string
  /** One line for a reader of a table. */
  readonly summary: string
  /** Every option with its default; also the list of known options. */
  readonly defaults: Required<Options>
  /** Throws a typed error where an option is out of range. */
  check(options: Required<Options>): void
  /** Gradient evaluations a step. */
  passes(options: Required<Options>): number
  /** Vectors for gradients: 0 where only the last one counts, 1 for P or G, 2 for both. */
  sums(options: Required<Options>): 0 | 1 | 2
  /** ± pairs a step that give the free trace of the smoothed Hessian; 0 for none. */
  pairs(options: Required<Options>): number
  /** The option that is a noise size or radius, and may be a schedule. */
  readonly size: (keyof Options & string) | null
  /** One step. `size` is the value of that option now; 0 means that there is nothing to perturb. */
  step(tools: Tools, options: Required<Options>, size: number): void
}
