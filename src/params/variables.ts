import { engine, type Tensor, type Variable } from '@tensorflow/tfjs-core'
import { SaltflatError, shown } from '../errors.ts'
import { openStore } from './registry.ts'
import type { Store } from './store.ts'
import type { Target } from './target.ts'

export type { Variable }

/** The trainable variables of a model: tensors of tfjs, which may move from one backend to another. */
export class Variables implements Target<Tensor> {
  readonly tensors: readonly Variable[]

  constructor(variables: readonly Variable[]) {
    this.tensors = variables
  }

  check(): void {
    checkVariables(this.tensors)
  }

  checkAlive(): void {
    // Asked several times a step, and nothing else about a variable can have changed since `check`.
    for (let i = 0; i < this.tensors.length; i++) if (this.tensors[i]!.isDisposed) checkAlive(this.tensors[i]!)
  }

  holds(other: Target<unknown>): boolean {
    const { tensors } = this
    const given = other.tensors
    if (tensors.length !== given.length) return false
    for (let i = 0; i < tensors.length; i++) if (tensors[i] !== given[i]) return false
    return true
  }

  follow(other: Target<unknown>): void {
    if (this.holds(other)) return
    if (!(other instanceof Variables)) {
      throw new SaltflatError(
        'ERR_STATE',
        'Expected the variables that this optimizer trains, received a vector. Make a new optimizer for it.',
      )
    }
    throw new SaltflatError(
      'ERR_STATE',
      `Expected the same variables at every step, received others${firstChange(this.tensors, other.tensors)}. Make one optimizer a model, and a new one after freezing or unfreezing layers.`,
    )
  }

  place(): unknown {
    return engine().backend
  }

  open(): Store {
    return openStore(this.tensors)
  }

  release(gradient: Tensor): void {
    gradient.dispose()
  }
}

/** Refuses what cannot be trained: nothing, the same twice, what is disposed or not float32. */
export function checkVariables(variables: readonly Variable[]): void {
  if (variables.length === 0) {
    throw new SaltflatError(
      'ERR_EMPTY',
      'Expected at least one trainable variable, received none. Unfreeze a layer and compile again, or pass variables.',
    )
  }
  for (const variable of variables) {
    checkAlive(variable)
    if (variable.dtype !== 'float32') {
      throw new SaltflatError(
        'ERR_DTYPE',
        `Expected float32 variables, received ${variable.dtype} in '${variable.name}'. Make it non-trainable or cast it.`,
      )
    }
  }
  checkDistinct(variables)
  if (variables.every((variable) => variable.size === 0)) {
    throw new SaltflatError('ERR_EMPTY', 'Expected at least one element to train, received variables of size 0.')
  }
}

/** Refuses the same variable twice. */
export function checkDistinct(variables: readonly Variable[]): void {
  if (new Set(variables).size === variables.length) return
  throw new SaltflatError('ERR_INVALID_ARGUMENT', 'Expected each variable once, received one several times.')
}

/** Refuses what is no variable, or was disposed. */
export function checkAlive(variable: Variable): void {
  if (typeof variable?.assign !== 'function') {
    const layer = typeof (variable as { read?: unknown } | null)?.read === 'function'
    const advice = layer ? ' Pass model.trainableWeights.map((weight) => weight.read() as tf.Variable).' : ''
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected tf.Variables, received ${shown(variable)}.${advice}`)
  }
  if (variable.isDisposed) {
    throw new SaltflatError('ERR_DISPOSED', `Expected live variables, received '${variable.name}', which was disposed.`)
  }
}

/** The first variable that is new or missing, for a message. */
function firstChange(held: readonly Variable[], given: readonly Variable[]): string {
  const added = given.find((one) => !held.includes(one))
  if (added !== undefined) return ` (${named(added)} is new)`
  const gone = held.find((one) => !given.includes(one))
  return gone === undefined ? ' (in another order)' : ` (${named(gone)} is missing)`
}

/** A variable by name, and what is none as it is. */
function named(one: Partial<Variable> | null): string {
  return typeof one?.name === 'string' ? `'${one.name}'` : shown(one)
}
