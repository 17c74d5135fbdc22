import { Excursion } from '../params/excursion.ts'
import type { Variable } from '../params/variables.ts'
import { evaluate, value } from './evaluate.ts'
import { split, still } from './hessian-product.ts'
import type { Batch } from './model-loss.ts'
import { type Seen, sameAmount } from './same-data.ts'

/** Batches that are there, or a pass over those that are streamed. */
export type LandscapeData = readonly Batch[] | (() => AsyncIterable<Batch>)

/** Asked before each batch that is waited for, and before each evaluation. */
type Ask = () => Promise<void>

/** A loss as a function of the weights: its value anywhere, while the variables keep their own. */
export class Landscape {
  readonly #variables: readonly Variable[]
  readonly #data: LandscapeData
  readonly #excursion: Excursion
  #seen: Seen | null = null

  constructor(variables: readonly Variable[], data: LandscapeData) {
    this.#variables = variables
    this.#data = data
    this.#excursion = new Excursion(variables)
  }

  /** W, a copy. */
  get weights(): readonly Float32Array[] {
    return this.#excursion.weights
  }

  /** Batches of a pass; of a stream, 0 before the first. */
  get batches(): number {
    return typeof this.#data === 'function' ? (this.#seen?.batches ?? 0) : this.#data.length
  }

  /**
   * f there, the mean over all examples; as it comes where it is not finite. One forward pass over the data. The variables
   * are themselves whenever a batch is waited for.
   */
  async at(weights: readonly Float32Array[], ask: Ask): Promise<number> {
    const mean = new Mean()
    const add = ({ loss, examples }: Batch) =>
      mean.add(
        still(this.#variables, () => value(loss)),
        examples,
      )
    const there = (batches: readonly Batch[]) => this.#excursion.at(weights, () => batches.forEach(add))
    await this.#each(there, ask)
    return mean.value
  }

  /** ∇f at W in the chosen variables, flat. One gradient over the data. */
  async gradient(mask: readonly boolean[], ask: Ask): Promise<Float32Array> {
    const chosen = this.#variables.filter((_, i) => mask[i])
    const flat = new Float32Array(chosen.reduce((total, { size }) => total + size, 0))
    const sum = new Float64Array(flat.length)
    const parts = split(chosen, flat)
    let total = 0
    const add = ({ loss, examples }: Batch) => {
      const { gradients } = still(this.#variables, () => evaluate(loss, chosen))
      try {
        for (const [i, one] of gradients.entries()) {
          if (one === null) parts[i]!.fill(0)
          else parts[i]!.set(one.dataSync() as Float32Array)
        }
        for (let i = 0; i < sum.length; i++) sum[i]! += flat[i]! * examples
        total += examples
      } finally {
        for (const one of gradients) one?.dispose()
      }
    }
    await this.#each((batches) => batches.forEach(add), ask)
    return Float32Array.from(sum, (one) => one / total)
  }

  /** Shows `f` the data: at once, or batch by batch as they come. */
  async #each(f: (batches: readonly Batch[]) => void, ask: Ask): Promise<void> {
    if (typeof this.#data !== 'function') {
      await ask()
      f(this.#data)
      return
    }
    let [batches, examples] = [0, 0]
    for await (const batch of this.#data()) {
      await ask()
      f([batch])
      batches++
      examples += batch.examples
    }
    this.#seen = sameAmount(this.#seen, { batches, examples })
  }
}

/** A mean of losses, weighted by examples. */
class Mean {
  #sum = 0
  #examples = 0

  add(loss: number, examples: number): void {
    this.#sum += loss * examples
    this.#examples += examples
  }

  get value(): number {
    return this.#sum / this.#examples
  }
}
