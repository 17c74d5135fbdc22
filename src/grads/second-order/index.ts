import { getGradient, registerGradient, unregisterGradient } from '@tensorflow/tfjs-core'
import { invalid } from '../../checks.ts'
import { SaltflatError } from '../../errors.ts'
import { givingBackKept } from '../kept.ts'
import { repaired } from '../repaired.ts'
import { gradients } from './gradients.ts'
import { repairTape } from './tape.ts'

let depth = 0

/**
 * Runs `f` in a tfjs that differentiates twice: gradients of gradients taken inside are right, or throw and name the
 * kernel that has none. Stock tfjs throws for most models, and is silently wrong for some (swish, sigmoid cross-entropy,
 * softmax cross-entropy inside larger graphs).
 *
 * Only what `f` does before it returns is affected; after that, also after a throw, tfjs is as it was. Where a kernel is
 * constant or linear by pieces (relu, comparisons, max pooling) second derivatives are those almost everywhere, as in
 * PyTorch and JAX. Costs nothing by itself; a Hessian-vector product by gradients of gradients costs about three
 * gradients.
 *
 * Throws ERR_INVALID_ARGUMENT where `f` is no function, or returns a promise: what it awaits would run in stock tfjs.
 *
 * @example
 * const curve = withSecondOrder(() => tf.grad((x) => tf.grad((x) => tf.sum(tf.tanh(x)))(x))(tf.tensor1d([0.5])))
 */
export function withSecondOrder<T>(f: () => T): T {
  if (typeof f !== 'function') throw invalid('a function for f', f)
  const undo = depth === 0 ? install() : () => {}
  depth++
  try {
    // What tfjs has saved for a backward pass that does not come goes back.
    const result = givingBackKept(false, () => repaired(f))
    if (typeof (result as PromiseLike<unknown> | null)?.then === 'function') {
      throw new SaltflatError(
        'ERR_INVALID_ARGUMENT',
        'Expected a function that returns at once, received one that returns a promise. Await before or after it.',
      )
    }
    return result
  } finally {
    depth--
    undo()
  }
}

/** A gradient that is already there, of a later tfjs or of the user's, is left alone. */
function install(): () => void {
  const added = gradients.filter(({ kernelName }) => getGradient(kernelName) == null)
  for (const one of added) registerGradient(one)
  const undo = repairTape()
  return () => {
    undo()
    // Unless `f` has put one of its own there.
    for (const one of added) if (getGradient(one.kernelName) === one) unregisterGradient(one.kernelName)
  }
}
