import {
  engine,
  type NamedTensorMap,
  Tensor,
  type Optimizer as TfOptimizer,
  tensor,
  type Variable,
} from '@tensorflow/tfjs-core'
import { SaltflatError, said, shown } from '../errors.ts'
import { type Evaluation, evaluate, forward, type Loss } from '../grads/evaluate.ts'
import { repaired } from '../grads/repaired.ts'
import { everything, type Moves, nothing, SideEffects } from '../grads/side-effects.ts'
import { invalid } from '../options.ts'
import type { Settings } from './config.ts'
import type { Mean, Oracle } from './oracle.ts'
import type { NamedTensor } from './state.ts'

/**
 * Runs a loss once: on part `part` of the batch (-1: all of it), through `run`, which evaluates what it is given. Only
 * passes that are `reported` count in a model's metrics.
 */
export type Pass = (part: number, run: (loss: Loss) => number, reported: boolean) => void

/** How one step gets its gradients. */
export interface TensorOracleInputs {
  readonly variables: readonly Variable[]
  readonly settings: Settings
  readonly pass: Pass
  /** The loss is a model's and keeps its metrics. */
  readonly metrics: boolean
}

/** Gradients of a loss by tfjs, whose side effects happen once a step and are undone if it fails. */
export class TensorOracle implements Oracle<Tensor> {
  readonly update: ((mean: Mean) => void) | null
  readonly #inputs: TensorOracleInputs
  readonly #effects: SideEffects
  #clean = false

  constructor(inputs: TensorOracleInputs) {
    const { variables, settings } = inputs
    this.#inputs = inputs
    this.#effects = new SideEffects(variables)
    this.update = updateBy(settings, variables)
  }

  evaluate(part: number, last: boolean, clean: boolean): Evaluation {
    const { variables, pass, metrics } = this.#inputs
    const moves = this.#moves(last, clean && part < 0)
    let result: Evaluation | null = null
    const run = (loss: Loss) => {
      result = this.#effects.during(moves, () => evaluate(loss, variables, metrics))
      return result.loss
    }
    pass(part, run, true)
    return result!
  }

  settle(atWeights: (run: () => void) => void): void {
    const { settings, pass, metrics } = this.#inputs
    if (settings.batchNorm !== 'clean' || !this.#effects.pending) return
    const clean = (loss: Loss) => this.#effects.during(everything, () => forward(loss, metrics))
    atWeights(() => pass(-1, clean, false))
  }

  /** What a pass moves: only one of a step does. */
  #moves(last: boolean, clean: boolean): Moves {
    const { batchNorm } = this.#inputs.settings
    if (batchNorm === 're-estimate') return { variables: false, states: last }
    if (batchNorm === 'last') return last ? everything : nothing
    const first = clean && !this.#clean
    this.#clean ||= clean
    return first ? everything : nothing
  }

  around(run: () => void): void {
    repaired(run)
  }

  commit(): void {
    this.#effects.commit()
  }

  undo(): void {
    this.#effects.undo()
  }
}

/** Gradients computed elsewhere, in the order of the variables. */
export class GivenGradients implements Oracle<Tensor> {
  readonly update: ((mean: Mean) => void) | null
  readonly #gradients: readonly (Tensor | null)[]

  constructor(gradients: readonly (Tensor | null)[], variables: readonly Variable[], settings: Settings) {
    this.#gradients = gradients
    this.update = updateBy(settings, variables)
  }

  settle(): void {}

  evaluate(): Evaluation {
    // Clones, for a step gives back what it has used.
    return { loss: 0, gradients: this.#gradients.map((one) => one?.clone() ?? null) }
  }

  around(run: () => void): void {
    repaired(run)
  }

  commit(): void {}

  undo(): void {}
}

/**
 * The variables that gradients by name belong to (`known` ones, else those that tfjs has registered under these names),
 * and the gradients in their order. tfjs leaves out variables that the loss does not reach.
 */
export function matched(
  gradients: NamedTensorMap | readonly NamedTensor[],
  known: readonly Variable[] | null,
): { variables: readonly Variable[]; gradients: (Tensor | null)[] } {
  if (typeof gradients !== 'object' || gradients === null) throw invalid('gradients by name', gradients)
  const byName = new Map<string, Tensor | null>(
    Array.isArray(gradients) ? Array.from(gradients, entry) : Object.entries(gradients as NamedTensorMap),
  )
  const registered = engine().registeredVariables
  const variables = known ?? [...byName.keys()].map((name) => registered[name] ?? fail(unknownVariable(name)))
  const shapes = new Map(variables.map(({ name, shape }) => [name, shape]))
  for (const [name, one] of byName) checkGradient(name, one, shapes.get(name))
  return { variables, gradients: variables.map(({ name, trainable }) => (trainable && byName.get(name)) || null) }
}

function entry(one: NamedTensor): [string, Tensor | null] {
  if (typeof one?.name !== 'string') throw invalid('gradients as { name, tensor }', one)
  return [one.name, one.tensor ?? null]
}

function checkGradient(name: string, one: unknown, shape: readonly number[] | undefined): void {
  if (shape === undefined) throw unknownVariable(name)
  if (one === null || one === undefined) return
  if (!(one instanceof Tensor)) {
    throw new SaltflatError('ERR_DTYPE', `Expected a tensor as the gradient of '${name}', received ${shown(one)}.`)
  }
  if (one.isDisposed) {
    throw new SaltflatError('ERR_DISPOSED', `Expected a live gradient of '${name}', received one that was disposed.`)
  }
  if (one.dtype !== 'float32') {
    throw new SaltflatError('ERR_DTYPE', `Expected a float32 gradient of '${name}', received ${one.dtype}.`)
  }
  if (one.shape.length !== shape.length || one.shape.some((length: number, axis: number) => length !== shape[axis])) {
    const [expected, received] = [shape, one.shape].map((lengths) => `[${lengths.join(', ')}]`)
    throw new SaltflatError(
      'ERR_SHAPE',
      `Expected a gradient of shape ${expected} for '${name}', received one of ${received}. Reshape it.`,
    )
  }
}

function unknownVariable(name: string): SaltflatError {
  return new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected gradients of the variables that this optimizer trains, received '${name}'.`,
  )
}

function fail(error: Error): never {
  throw error
}

/** The update of a wrapped stock optimizer. */
function updateBy({ base }: Settings, variables: readonly Variable[]): ((mean: Mean) => void) | null {
  const { foreign } = base
  return foreign === null ? null : (mean) => updateForeign(foreign, variables, mean)
}

function updateForeign(foreign: TfOptimizer, variables: readonly Variable[], mean: Mean): void {
  const named = variables.map(({ name, shape }, t) => {
    const values = mean(t)
    return { name, tensor: values === null ? null : tensor(values, shape, 'float32') }
  })
  try {
    // A missing gradient is null here, as in stock `minimize`.
    foreign.applyGradients(named as NamedTensor[])
  } catch (cause) {
    const text = said(cause)
    throw new SaltflatError('ERR_BASE', `The base optimizer threw: ${text}`, { cause })
  } finally {
    for (const { tensor: one } of named) one?.dispose()
  }
}
