import { tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import { type Evaluation, evaluate, type Loss } from './evaluate.ts'
import { finiteProduct, split, still } from './hessian-product.ts'

/**
 * ‖v‖·(∇f(W + δu) − ∇f(W − δu))/(2δ) with u = v/‖v‖: Hv up to δ² and rounding; two gradients. v and the result flat.
 *
 * Weights are written and bit-equal afterwards, also after a throw.
 */
export function differenceProduct(
  loss: Loss,
  variables: readonly Variable[],
  v: Float32Array,
  delta: number,
): Float32Array {
  const length = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0))
  const out = new Float32Array(v.length)
  if (length === 0) return out
  const into = split(variables, out)
  for (const sign of [1, -1]) {
    const factor = (sign * length) / (2 * delta)
    for (const [i, one] of gradientAt(loss, variables, v, (sign * delta) / length).entries()) {
      const row = into[i]!
      const values = (one?.dataSync() as Float32Array | undefined) ?? new Float32Array(row.length)
      if (sign > 0) row.set(values)
      else for (let k = 0; k < row.length; k++) row[k] = (values[k]! - row[k]!) * factor
      one?.dispose()
    }
  }
  return finiteProduct(out, 'Hessian')
}

/** The step that balances rounding and truncation: 0.3·√ε·(1 + ‖W‖), ε that of float32. */
export function differenceStep(variables: readonly Variable[]): number {
  let squares = 0
  for (const variable of variables) for (const value of variable.dataSync()) squares += value * value
  return 0.3 * Math.sqrt(2 ** -23) * (1 + Math.sqrt(squares))
}

/** ∇f(W + t·v); the caller gives it back. */
function gradientAt(loss: Loss, variables: readonly Variable[], v: Float32Array, t: number): Evaluation['gradients'] {
  const parts = split(variables, v)
  // Shares memory with the variable, so that setting it back is no copy and cannot differ by a bit.
  const before = variables.map((one) => one.clone())
  try {
    tidy(() => {
      for (const [i, variable] of variables.entries()) {
        const direction = parts[i]!
        const moved = (variable.dataSync() as Float32Array).map((value, k) => value + t * direction[k]!)
        variable.assign(tensor(moved, variable.shape, 'float32'))
      }
    })
    return still(variables, () => evaluate(loss, variables)).gradients
  } finally {
    for (const [i, variable] of variables.entries()) {
      if (!variable.isDisposed) variable.assign(before[i]!)
      before[i]!.dispose()
    }
  }
}
