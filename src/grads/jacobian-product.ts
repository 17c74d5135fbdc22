import {
  addN,
  grads,
  keep,
  mul,
  onesLike,
  type Scalar,
  sum,
  type Tensor,
  tensor,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core'
import { callingLoss, evaluate } from './evaluate.ts'
import { finiteProduct, slope, split, still } from './hessian-product.ts'
import { withSecondOrder } from './second-order/index.ts'

/** What stands between J and Jᵀ: of the outputs and their tangents Jv, cotangents; symmetric in the tangents. */
export type Bend = (outputs: readonly Tensor[], tangents: readonly Tensor[]) => Tensor[]

/**
 * Jᵀ·B·J·v with J the Jacobian of `outputs` in the variables, and B what `bend` does; v and the result flat.
 *
 * Jᵀu is linear in u, so the gradient of ⟨Jᵀu, v⟩ in u is Jv: one gradient, one of it, and one more for Jᵀ. About three
 * gradients in all, whatever the number of outputs. Variables stay as they are, and no tensor is left behind, also after a
 * throw, which is typed.
 */
export function throughOutputs(
  outputs: () => Tensor[],
  bend: Bend,
  variables: readonly Variable[],
  v: Float32Array,
): Float32Array {
  const out = new Float32Array(v.length)
  const parts = split(variables, v)
  const product = () =>
    tidy(() => {
      const directions = variables.map(({ shape }, i) => tensor(parts[i]!.slice(), shape, 'float32'))
      const { values, tangents } = pushed(outputs, variables, directions)
      const bent = bend(values, tangents)
      const { gradients } = evaluate(() => total(outputs(), bent), variables)
      const into = split(variables, out)
      for (const [i, one] of gradients.entries()) if (one !== null) into[i]!.set(one.dataSync() as Float32Array)
    })
  callingLoss(() => still(variables, product))
  return finiteProduct(out, 'Jacobian')
}

/** The outputs, and Jv for each. */
function pushed(
  outputs: () => Tensor[],
  variables: readonly Variable[],
  directions: readonly Tensor[],
): { values: Tensor[]; tangents: Tensor[] } {
  const shapes = tidy(() => outputs().map((one) => keep(onesLike(one))))
  let values: Tensor[] = []
  try {
    const tangents = withSecondOrder(() =>
      grads((...cotangents: Tensor[]) => {
        const along = slope(
          () => {
            const found = outputs()
            for (const one of values) one.dispose()
            values = found.map((one) => keep(one.clone()))
            return total(found, cotangents)
          },
          variables,
          directions,
        )
        // tfjs refuses a gradient in what nothing depends on, as an output that none of the variables reaches.
        return addN([along, ...cotangents.map((one) => sum(mul(one, 0)) as Scalar)])
      })(shapes),
    )
    // From here on the scope of the product takes them back.
    return { values: values.map((one) => one.clone()), tangents }
  } finally {
    for (const one of [...shapes, ...values]) one.dispose()
  }
}

/** Σ⟨aᵢ, bᵢ⟩. */
function total(a: readonly Tensor[], b: readonly Tensor[]): Scalar {
  return addN(a.map((one, i) => sum(mul(one, b[i]!)))) as Scalar
}
