import { type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'

/** A weight of a layer, as tfjs-layers holds it. */
export interface LayerWeight {
  read(): Variable
  constraint?: Constraint | null
}

interface Constraint {
  apply(weight: Tensor): Tensor
}

/** Constraints that have been tried on weights of theirs. */
const tried = new WeakSet<Constraint>()

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
    if (!tried.has(constraint)) tidy(() => void projected(weight))
    tried.add(constraint)
  }
  return () => {
    for (const weight of constrained) tidy(() => weight.read().assign(projected(weight)))
  }
}

function projected(weight: LayerWeight): Tensor {
  const variable = weight.read()
  const expected = `Expected the constraint of '${variable.name}' to give weights of shape [${variable.shape}]`
  let result: Tensor
  try {
    result = weight.constraint!.apply(variable)
  } catch (cause) {
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `${expected}, received a throw: ${cause}`, { cause })
  }
  const shape = result?.shape
  if (String(shape) !== String(variable.shape)) {
    throw new SaltflatError('ERR_SHAPE', `${expected}, received ${shape === undefined ? 'no tensor' : `[${shape}]`}.`)
  }
  return result
}
