import { expandDims, Tensor } from '@tensorflow/tfjs-core'
import { SaltflatError, shown } from '../errors.ts'
import { invalid } from '../options.ts'

/**
 * Inputs or targets of a model, as `fit` takes them: one tensor, one each in the order of the model's, or by the names in
 * its `inputNames` or `outputNames`, where others are left out; examples along the first axis.
 */
export type Examples = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>

/** An input or output of a model: its name, and its shape behind the examples, null for any length. */
export interface Slot {
  readonly name: string
  readonly shape: readonly (number | null)[]
}

/** What is given in the order of these names. `what` says in messages what it is, such as 'x'. */
export function inOrder(what: string, given: Examples, names: readonly string[]): readonly Tensor[] {
  if (Array.isArray(given)) return given
  if (!byName(given)) return [given as Tensor]
  return names.map((name) => {
    const one = given[name]
    if (one != null) return one
    const present = Object.keys(given).filter((key) => given[key] != null)
    const received = present.slice(0, most).join(', ') || shown(given)
    const advice = Object.hasOwn(given, 'xs') ? ' Give batches of { xs, ys } in an array.' : ''
    const said = `Expected ${names.join(', ')} in ${what}, received ${received}, and so no ${name}.${advice}`
    throw new SaltflatError('ERR_INVALID_ARGUMENT', said)
  })
}

/** The same as live tensors in the shapes of the model's, of as many `examples` each; absent: as many as the first has. */
export function checkedInOrder(
  what: string,
  given: Examples,
  slots: readonly Slot[],
  examples?: number,
): readonly Tensor[] {
  const names = slots.map(({ name }) => name)
  const list = inOrder(what, given, names)
  if (list.length !== slots.length) {
    throw invalid(`${slots.length} tensors for ${what}, one for each of the model's`, given)
  }
  const where = (i: number) => (slots.length === 1 ? what : `'${names[i]}' of ${what}`)
  for (const [i, one] of list.entries()) checkOne(where(i), one, slots[i]!)
  const wanted = examples ?? list[0]!.shape[0]!
  const other = list.findIndex(({ shape }) => shape[0] !== wanted)
  if (other < 0) return list
  const received = `${list[other]!.shape[0]} in ${where(other)}`
  throw new SaltflatError('ERR_SHAPE', `Expected ${wanted} examples in each tensor, received ${received}.`)
}

/** As `fit` takes it: a number an example is a row of one. */
export function rowsOf(one: Tensor): Tensor {
  return one.rank === 1 ? expandDims(one, 1) : one
}

function checkOne(where: string, one: Tensor, { shape }: Slot): void {
  if (!(one instanceof Tensor)) throw invalid(`a tensor for ${where}`, one)
  if (one.isDisposed) {
    throw new SaltflatError('ERR_DISPOSED', `Expected a live tensor for ${where}, received a disposed one.`)
  }
  // What `rowsOf` makes of it.
  const row = one.rank === 1 ? [1] : one.shape.slice(1)
  if (one.rank > 0 && row.length === shape.length && row.every((n, d) => (shape[d] ?? n) === n)) return
  const wanted = ['examples', ...shape.map((n) => n ?? 'any')].join(', ')
  throw new SaltflatError('ERR_SHAPE', `Expected a tensor of shape [${wanted}] for ${where}, received [${one.shape}].`)
}

/** Names that a message lists. */
const most = 10

function byName(given: Examples): given is Readonly<Record<string, Tensor>> {
  return typeof given === 'object' && given !== null && !ArrayBuffer.isView(given) && !(given instanceof Tensor)
}
