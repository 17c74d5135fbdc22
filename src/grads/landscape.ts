import { Excursion } from '../params/excursion.ts'
import type { Variable } from '../params/variables.ts'
import { value } from './evaluate.ts'
import { still } from './hessian-product.ts'
import type { Batch } from './model-loss.ts'

/** A loss as a function of the weights: its value anywhere, while the variables keep their own. */
export class Landscape {
  readonly #variables: readonly Variable[]
  readonly #batches: readonly Batch[]
  readonly #excursion: Excursion
  readonly #examples: number

  constructor(variables: readonly Variable[], batches: readonly Batch[]) {
    this.#variables = variables
    this.#batches = batches
    this.#examples = batches.reduce((sum, { examples }) => sum + examples, 0)
    this.#excursion = new Excursion(variables)
  }

  /** W, a copy. */
  get weights(): readonly Float32Array[] {
    return this.#excursion.weights
  }

  /** f there, the mean over all examples; as it comes where it is not finite. One forward pass over the data. */
  at(weights: readonly Float32Array[]): number {
    const mean = () =>
      this.#batches.reduce((sum, { loss, examples }) => sum + value(loss) * (examples / this.#examples), 0)
    return this.#excursion.at(weights, () => still(this.#variables, mean))
  }
}
