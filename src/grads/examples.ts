import type { Tensor } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'

/**
 * Inputs or targets of a model, as `fit` takes them: one tensor, one each in the order of the model's, or by the names of
 * its inputs or outputs; examples along the first axis.
 */
export type Examples = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>

/** What is given in the order of these names; others by name are left out. `what` says in messages what they are. */
export function inOrder(what: string, given: Examples, names: readonly string[]): readonly Tensor[] {
  if (Array.isArray(given)) return given
  if (!byName(given)) return [given as Tensor]
  return names.map((name) => {
    if (Object.hasOwn(given, name)) return given[name]!
    const received = Object.keys(given).slice(0, most).join(', ') || 'none'
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected ${names.join(', ')} in ${what}, received ${received}.`)
  })
}

/** The same as so many live tensors. */
export function tensorsInOrder(what: string, given: Examples, names: readonly string[]): readonly Tensor[] {
  const list = inOrder(what, given, names)
  if (list.length !== names.length) {
    throw invalid(`${names.length} tensors for ${what}, one for each of the model's`, given)
  }
  for (const one of list) {
    if (!isTensor(one)) throw invalid(`tensors for ${what}`, one)
    if (one.isDisposed) {
      throw new SaltflatError('ERR_DISPOSED', `Expected a live tensor for ${what}, received a disposed one.`)
    }
  }
  return list
}

/** Names that a message lists. */
const most = 10

function byName(given: Examples): given is Readonly<Record<string, Tensor>> {
  return typeof given === 'object' && given !== null && !ArrayBuffer.isView(given) && !isTensor(given)
}

/** Not by its class: a second copy of tfjs has its own. */
function isTensor(given: unknown): given is Tensor {
  return typeof (given as Partial<Tensor> | null)?.dataSync === 'function'
}
