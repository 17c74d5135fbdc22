import { forward } from '../grads/evaluate.ts'
import { still } from '../grads/hessian-product.ts'
import type { Batch } from '../grads/model-loss.ts'
import { noData, otherData, type Seen, sameAmount } from '../grads/same-data.ts'
import type { Variable } from '../params/variables.ts'
import { type RunOptions, Watch } from './lanczos.ts'

/** One pass over data that is streamed. */
export type Pass<B extends Batch> = () => AsyncIterable<B>

/** Refuses data that is not the same twice, batch by batch; `inspect` looks at its first batch. */
export async function refuseOtherData<B extends Batch>(
  variables: readonly Variable[],
  pass: Pass<B>,
  options: RunOptions,
  inspect: ((batch: B) => void) | null,
): Promise<Seen> {
  const first = await lossesOf(variables, pass, options, inspect)
  if (first.length === 0) throw noData()
  const second = await lossesOf(variables, pass, options, null)
  const seen = sameAmount(amount(first), amount(second))
  const i = first.findIndex(({ loss }, k) => loss !== second[k]!.loss)
  if (i >= 0) throw otherData(`a loss of ${first[i]!.loss} for batch ${i}`, `one of ${second[i]!.loss}`)
  return seen
}

interface BatchLoss {
  readonly examples: number
  readonly loss: number
}

async function lossesOf<B extends Batch>(
  variables: readonly Variable[],
  pass: Pass<B>,
  options: RunOptions,
  inspect: ((batch: B) => void) | null,
): Promise<BatchLoss[]> {
  const watch = new Watch<never>(options, 1, { unit: 'batches' })
  const found: BatchLoss[] = []
  for await (const batch of pass()) {
    await watch.check(() => null)
    if (found.length === 0) inspect?.(batch)
    found.push({ examples: batch.examples, loss: still(variables, () => forward(batch.loss)) })
  }
  return found
}

function amount(losses: readonly BatchLoss[]): Seen {
  return { batches: losses.length, examples: losses.reduce((sum, { examples }) => sum + examples, 0) }
}
