import { engine, type Scalar, Tensor, tidy, Variable } from '@tensorflow/tfjs-core'
import { SaltflatError, said, shown } from '../errors.ts'
import { invalid } from '../options.ts'
import { givingBackKept, hold, letGo } from './kept.ts'
import { isRepaired, repaired } from './repaired.ts'
import { thrown } from './thrown.ts'

/**
 * A loss: evaluated afresh at every pass, so it must read the variables anew each time. It is given the number of the
 * part with `data: 'split'`, and nothing where all of the batch is meant.
 */
export type Loss = (part?: number) => Scalar

/** One evaluation. The gradients are the caller's to give back. */
export interface Evaluation<G = Tensor> {
  /** NaN where nobody says it. */
  readonly loss: number
  /** In the order of the tensors; null where the loss does not depend on one. */
  readonly gradients: readonly (G | null)[]
}

/**
 * Evaluates a loss and its gradient at the variables' present values. Leaves no other tensor behind, also on a throw:
 * `metrics` says that what the loss keeps are a model's metrics, which nobody gets to see then.
 */
export function evaluate(loss: Loss, variables: readonly Variable[], metrics = false): Evaluation {
  // No scope of tfjs, which takes longer to end than all else that is done here, and few functions around each other: a
  // gradient has emptied the caches, and each that it returns to is fetched anew. What the pass makes has later numbers.
  const before = (engine() as unknown as { nextTensorId(): number }).nextTensorId()
  const held = hold(metrics)
  let value: Scalar | null = null
  let gradients: readonly (Tensor | null)[] = []
  let whole = false
  try {
    gradients = gradientsOf(() => {
      value = scalar(call(loss))
      return value
    }, variables)
    const found = finite(value!.dataSync()[0]!)
    whole = true
    return { loss: found, gradients }
  } catch (error) {
    throw typed(error)
  } finally {
    letGo(held, whole)
    // A gradient may be the loss itself: of exp(x), say.
    if (!whole || !gradients.includes(value)) giveBack(value, before)
    if (!whole) for (const one of gradients) giveBack(one, before)
  }
}

/** Disposes what a pass has made, as the end of a scope would: what is kept, and variables, stay. */
function giveBack(one: Tensor | null, before: number): void {
  if (one !== null && one.id > before && !one.kept && !(one instanceof Variable)) one.dispose()
}

/** What `variableGrads` asks of the engine, without its way by the names of the variables, which need not differ. */
function gradientsOf(f: () => Scalar, variables: readonly Variable[]): (Tensor | null)[] {
  // Of those that are frozen nothing is asked: their part of the loss may have no gradient, and costs time.
  const asked = variables.every(isTrainable) ? (variables as Variable[]) : variables.filter(isTrainable)
  if (asked.length === 0) throw noGradient()
  const { grads } = isRepaired()
    ? engine().gradients(f, asked, undefined, true)
    : repaired(() => engine().gradients(f, asked, undefined, true))
  if (grads.every((one) => one == null)) throw noGradient()
  if (asked === variables) return asked.map((_, i) => grads[i] ?? null)
  // Not by what is trainable now: the loss may have changed that.
  const found = new Map(asked.map((one, i) => [one, grads[i]]))
  return variables.map((one) => found.get(one) ?? null)
}

const isTrainable = ({ trainable }: Variable) => trainable

/** Evaluates the loss alone, for its side effects (BatchNorm's statistics). */
export function forward(loss: Loss, metrics = false): number {
  return value(loss, metrics, finite)
}

/** The loss alone, through `check`; by default as it comes, finite or not. */
export function value(loss: Loss, metrics = false, check = (found: number): number => found): number {
  try {
    return givingBackKept(metrics, () => {
      let found = Number.NaN
      tidy(() => {
        found = check(scalar(call(loss)).dataSync()[0]!)
      })
      return found
    })
  } catch (error) {
    throw typed(error)
  }
}

/** Marks what the user's function threw, to tell it from tfjs's own complaints about its result. */
class Thrown extends Error {}

function call(loss: Loss): unknown {
  if (typeof loss !== 'function') throw invalid('a function that returns the loss', loss)
  try {
    return loss()
  } catch (error) {
    throw error instanceof SaltflatError ? error : new Thrown('', { cause: error })
  }
}

function scalar(value: unknown): Scalar {
  const expected = 'Expected the loss to be a scalar float32 tensor'
  if (!(value instanceof Tensor)) {
    const promise = typeof (value as Promise<unknown> | null)?.then === 'function'
    const advice = promise ? 'Make the loss synchronous.' : 'Return a tensor, as tf.mean does.'
    throw new SaltflatError('ERR_LOSS', `${expected}, received ${promise ? 'a Promise' : shown(value)}. ${advice}`)
  }
  if (value.isDisposed) throw new SaltflatError('ERR_LOSS', `${expected}, received one that was disposed.`)
  if (value.rank !== 0 || value.dtype !== 'float32') {
    throw new SaltflatError(
      'ERR_LOSS',
      `${expected}, received ${value.dtype} of shape [${value.shape}]. Reduce it, as tf.mean does.`,
    )
  }
  return value as Scalar
}

function finite(loss: number): number {
  if (!Number.isFinite(loss)) {
    throw new SaltflatError(
      'ERR_NOT_FINITE',
      `Expected a finite loss, received ${loss}. Look for NaN in the data, log(0) and 0/0; otherwise lower the learning rate or the noise.`,
    )
  }
  return loss
}

function typed(error: unknown): SaltflatError {
  if (error instanceof SaltflatError) return error
  if (error instanceof Thrown) return thrown('The loss', error.cause)
  const refused = withoutGradient(error)
  return refused ?? new SaltflatError('ERR_LOSS', `The gradient of the loss failed: ${said(error)}`, { cause: error })
}

/** Runs what calls parts of a loss: what they throw is typed as where all of it is called. */
export function callingLoss<T>(f: () => T): T {
  try {
    return f()
  } catch (error) {
    throw withoutGradient(error) ?? thrown('The loss', error)
  }
}

/** What tfjs says of a loss that depends on none of the variables, in our words; null for anything else. */
export function withoutGradient(error: unknown): SaltflatError | null {
  return said(error).includes('Cannot find a connection') ? noGradient(error) : null
}

function noGradient(cause?: unknown): SaltflatError {
  return new SaltflatError(
    'ERR_NO_GRADIENT',
    'Expected the loss to depend on at least one trainable variable, received one of none. Use the variables inside the loss function.',
    { cause },
  )
}
