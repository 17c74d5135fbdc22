import {
  customGrad,
  type NamedTensorMap,
  type Scalar,
  scalar,
  type Tensor,
  tensor,
  tidy,
  type Variable,
  variableGrads,
} from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import { notFinite } from '../options.ts'
import { type Evaluation, evaluate, type Loss, withoutGradient } from './evaluate.ts'
import { withRandomness } from './randomness.ts'
import { dropZeros, tapeLength } from './second-order/dependence.ts'
import { withSecondOrder } from './second-order/index.ts'
import { nothing, SideEffects } from './side-effects.ts'

/**
 * Hv of a loss at the variables' present values, as the gradient of ⟨∇f, v⟩; v and Hv flat, in the order of the
 * variables. About three gradients on tensorflow. Variables stay as they are, and no tensor is left behind, also after a throw.
 */
export function hessianProduct(loss: Loss, variables: readonly Variable[], v: Float32Array): Float32Array {
  const out = new Float32Array(v.length)
  const parts = split(variables, v)
  still(variables, () =>
    tidy(() => {
      // Not copied: nothing writes to them, and they are gone before the caller has v back.
      const directions = variables.map(({ shape }, i) => tensor(parts[i]!, shape, 'float32'))
      const { gradients } = twice(loss, variables, directions)
      const into = split(variables, out)
      for (const [i, one] of gradients.entries()) if (one !== null) into[i]!.set(one.dataSync() as Float32Array)
    }),
  )
  return finiteProduct(out, 'Hessian')
}

/** Refuses a product that is not finite. */
export function finiteProduct(out: Float32Array, of: string): Float32Array {
  const wrong = notFinite(out)
  if (wrong < 0) return out
  throw new SaltflatError(
    'ERR_NOT_FINITE',
    `Expected a finite ${of}-vector product, received ${out[wrong]} at element ${wrong}. Look for 0/0 or √0 in the loss.`,
  )
}

/** The gradient of ⟨∇f, v⟩; none where ∇f is the same everywhere, as of a linear loss. */
function twice(
  loss: Loss,
  variables: readonly Variable[],
  directions: readonly Tensor[],
): Pick<Evaluation, 'gradients'> {
  let sloped = false
  try {
    return withSecondOrder(() =>
      evaluate(() => {
        const found = slope(loss, variables, directions)
        sloped = true
        return found
      }, variables),
    )
  } catch (error) {
    if (sloped && error instanceof SaltflatError && error.code === 'ERR_NO_GRADIENT') return { gradients: [] }
    throw error
  }
}

/**
 * ⟨∇f, v⟩ as a function of which only the derivative is asked: that by ∇f is v itself, so neither the product with v nor
 * its sum is ever computed, and the value is 0.
 */
export function slope(loss: Loss, variables: readonly Variable[], directions: readonly Tensor[]): Scalar {
  const begun = tapeLength()
  const { grads } = firstDerivatives(loss, variables)
  const present = variables.flatMap(({ name }, i) => (grads[name] === undefined ? [] : [i]))
  const inner = customGrad((..._) => ({
    value: scalar(0),
    // Clones, for tfjs disposes what it has added up.
    gradFunc: () => present.map((i) => directions[i]!.clone()),
  }))
  const found = inner(...present.map((i) => grads[variables[i]!.name]!)) as Scalar
  dropZeros(begun)
  return found
}

function firstDerivatives(loss: Loss, variables: readonly Variable[]): { grads: NamedTensorMap } {
  try {
    return variableGrads(loss, variables as Variable[])
  } catch (error) {
    throw withoutGradient(error) ?? error
  }
}

/** Runs what evaluates a loss: nothing that it assigns stays, and what it draws is the same every time. */
export function still<T>(variables: readonly Variable[], f: () => T): T {
  return withRandomness(0, 0, 0, () => new SideEffects(variables).during(nothing, f))
}

/** Views of a flat vector, one a variable. */
export function split(variables: readonly { readonly size: number }[], flat: Float32Array): Float32Array[] {
  let start = 0
  return variables.map(({ size }) => {
    start += size
    return flat.subarray(start - size, start)
  })
}
