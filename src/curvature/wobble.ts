import { SaltflatError } from '../errors.ts'
import { forward, type Loss } from '../grads/evaluate.ts'
import { still } from '../grads/hessian-product.ts'
import type { Variable } from '../params/variables.ts'

/** A loss that draws at random, or changes what it reads, has no Hessian. */
export function refuseWobble(loss: Loss, variables: readonly Variable[]): void {
  const [first, second] = [0, 1].map(() => still(variables, () => forward(loss)))
  if (first !== second) {
    throw new SaltflatError(
      'ERR_LOSS',
      `Expected a loss that is the same every time, received ${first} and then ${second}. Take one batch, layers as at inference, and nothing that keeps a state from call to call.`,
    )
  }
}
