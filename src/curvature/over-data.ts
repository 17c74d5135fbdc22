import { SaltflatError } from '../errors.ts'
import type { Batch } from '../grads/model-loss.ts'
import { type Seen, sameAmount } from '../grads/same-data.ts'
import { notFinite } from '../options.ts'
import { checkVariables, type Variable } from '../params/variables.ts'
import { type RunOptions, Watch } from './lanczos.ts'
import { checked, type Operator } from './operator.ts'
import { type Pass, refuseOtherData } from './two-passes.ts'

/** What makes an operator that is a mean over batches, weighted by their examples. */
export interface Recipe<B extends Batch> {
  readonly variables: readonly Variable[]
  /** Gradients that the product with one batch costs, about. */
  readonly passes: number
  product(batch: B, variables: readonly Variable[], v: Float32Array): Float32Array
  /** Looks at the first batch when the operator is built or, of a stream, before the first product. */
  readonly inspect: ((batch: B) => void) | null
  /** Whether two passes over a stream are compared before the first product. */
  readonly twice: boolean
}

/** Over batches that are there: products at once. */
export function overBatches<B extends Batch>(recipe: Recipe<B>, batches: readonly B[]): Operator {
  const { variables } = recipe
  const { size, blocks } = layout(variables)
  recipe.inspect?.(batches[0]!)
  return {
    size,
    blocks,
    passes: recipe.passes * batches.length,
    block: (i) => overBatches(blockOf(recipe, i), batches),
    matvec(v) {
      checkVector(v, variables, size)
      if (batches.length === 1) return recipe.product(batches[0]!, variables, v)
      const mean = new Mean(size)
      for (const batch of batches) mean.add(recipe.product(batch, variables, v), batch.examples)
      return mean.value()
    },
  }
}

/** Over batches that are streamed: two passes over their losses, before the first product, must agree. */
export function overStream<B extends Batch>(recipe: Recipe<B>, pass: Pass<B>, options: RunOptions): Operator {
  const { variables } = recipe
  const { size, blocks } = layout(variables)
  const watchOf = (total: number) => new Watch<never>(options, total, { unit: 'batches' })
  // Refuses bad options now.
  watchOf(1)
  let seen: Seen | null = null
  let looking: Promise<void> | null = null
  const look = async () => {
    seen = await refuseOtherData(variables, pass, options, recipe.inspect)
  }
  return {
    size,
    blocks,
    get passes() {
      return recipe.passes * (seen?.batches ?? 1)
    },
    block: (i) => overStream(blockOf(recipe, i), pass, options),
    async matvec(v) {
      checkVector(v, variables, size)
      if (seen === null && recipe.twice) {
        looking ??= look().finally(() => {
          looking = null
        })
        await looking
      }
      const watch = watchOf(seen?.batches ?? 1)
      const mean = new Mean(size)
      let batches = 0
      for await (const batch of pass()) {
        await watch.check(() => null)
        checkVariables(variables)
        if (seen === null && batches === 0) recipe.inspect?.(batch)
        mean.add(recipe.product(batch, variables, v), batch.examples)
        batches++
        watch.tick()
      }
      seen = sameAmount(seen, { batches, examples: mean.examples })
      return mean.value()
    },
  }
}

/** A sum of products in f64, weighted by examples. */
class Mean {
  readonly #sum: Float64Array
  examples = 0

  constructor(size: number) {
    this.#sum = new Float64Array(size)
  }

  add(product: Float32Array, examples: number): void {
    for (let i = 0; i < product.length; i++) this.#sum[i]! += product[i]! * examples
    this.examples += examples
  }

  value(): Float32Array {
    return Float32Array.from(this.#sum, (value) => value / this.examples)
  }
}

function layout(variables: readonly Variable[]) {
  checkVariables(variables)
  const blocks = variables.map(({ name, size }) => ({ name, size }))
  return { blocks, size: blocks.reduce((sum, one) => sum + one.size, 0) }
}

/** The same in one variable alone: cheaper, since gradients need not go further back than it. */
function blockOf<B extends Batch>(recipe: Recipe<B>, index: number): Recipe<B> {
  return { ...recipe, variables: [recipe.variables[index]!], inspect: null, twice: false }
}

function checkVector(v: Float32Array, variables: readonly Variable[], size: number): void {
  checked(v, size, 'a vector')
  if (notFinite(v) >= 0) {
    throw new SaltflatError('ERR_NOT_FINITE', 'Expected a finite vector, received NaN or Infinity in it.')
  }
  checkVariables(variables)
}
