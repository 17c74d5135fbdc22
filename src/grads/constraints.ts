import { type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import { SaltflatError, said } from '../errors.ts'

/** A weight of a layer, as tfjs-layers holds it. */
export interface LayerWeight {
  read(): Variable
  constraint?: Constraint | null
}

interface Constraint {
  apply(weight: Tensor): Tensor
}

/** Weights and the constraint that has been tried on them: one may serve several, and suit some of them only. */
const tried = new WeakMap<LayerWeight, Constraint>()

/**
 * The constraints that layers were given (`kernelConstraint` and the like), for use after each update. Stock tfjs never
 * applies them in training: its optimizers write past them.
 *
 * Tries those that are new, so that one which cannot be applied is refused before a step has changed anything.
 */
export function constraintsOf(weights: readonly LayerWeight[]): () => void {
  const constrained = weights.filter(({ constraint }) => constraint != null)
  for (const weight of constrained) {
    const constraint = weight.constraint!
    if (tried.get(weight) === constraint) continue
    tidy(() => void projected(weight))
    tried.set(weight, constraint)
  }
  return () => {
    tidy(() => {
      // All of them first: one that throws after all leaves every weight as the step made it.
      const results = constrained.map(projected)
      for (const [i, weight] of constrained.entries()) {
        const variable = weight.read()
        // A variable that is assigned to itself is destroyed: tfjs gives up the old value first.
        if (results[i] !== variable) variable.assign(results[i]!)
      }
    })
  }
}

function projected(weight: LayerWeight): Tensor {
  const variable = weight.read()
  const expected = `Expected the constraint of '${variable.name}' to give ${variable.dtype} weights of shape [${variable.shape}]`
  let result: Tensor
  try {
    result = weight.constraint!.apply(variable)
  } catch (cause) {
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `${expected}, received a throw: ${said(cause)}`, { cause })
  }
  if (result === variable) return result
  const shape = result?.shape
  if (String(shape) !== String(variable.shape)) {
    throw new SaltflatError('ERR_SHAPE', `${expected}, received ${shape === undefined ? 'no tensor' : `[${shape}]`}.`)
  }
  if (result.isDisposed) throw new SaltflatError('ERR_DISPOSED', `${expected}, received a tensor that is disposed.`)
  if (result.dtype !== variable.dtype) throw new SaltflatError('ERR_DTYPE', `${expected}, received ${result.dtype}.`)
  return result
}
