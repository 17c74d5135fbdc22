import { Excursion } from '../params/excursion.ts'
import type { Variable } from '../params/variables.ts'
import { evaluate, value } from './evaluate.ts'
import { split, still } from './hessian-product.ts'
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

  /** ∇f at W in the chosen variables, flat. One gradient over the data. */
  gradient(mask: readonly boolean[]): Float32Array {
    const chosen = this.#variables.filter((_, i) => mask[i])
    const sum = new Float64Array(chosen.reduce((total, { size }) => total + size, 0))
    for (const { loss, examples } of this.#batches) {
      const { gradients } = still(this.#variables, () => evaluate(loss, chosen))
      try {
        const flat = new Float32Array(sum.length)
        const parts = split(chosen, flat)
        for (const [i, one] of gradients.entries()) if (one !== null) parts[i]!.set(one.dataSync() as Float32Array)
        for (let i = 0; i < sum.length; i++) sum[i]! += flat[i]! * (examples / this.#examples)
      } finally {
        for (const one of gradients) one?.dispose()
      }
    }
    return Float32Array.from(sum)
  }
}
