import { add, mean, type Scalar, slice, type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import type { Loss } from './evaluate.ts'
import { checkedInOrder, type Examples, rowsOf, type Slot } from './examples.ts'

/** A model of tfjs-layers, functional or sequential. */
export type Model = LayersModel

/** A part of the data: its loss, and how many examples are in it. */
export interface Batch {
  readonly loss: Loss
  readonly examples: number
}

/** A part of the data as a model sees it; tensors that the functions give are the caller's. */
export interface ModelBatch extends Batch {
  outputs(): Tensor[]
  targets(): Tensor[]
}

/** Of a target and an output: what tfjs averages to a loss. */
export type LossFunction = (target: Tensor, output: Tensor) => Tensor

/** What this file uses of a compiled model beyond its types. */
interface Compiled {
  readonly lossFunctions?: LossFunction[]
  readonly outputNames: readonly string[]
  calculateLosses(): Scalar[]
}

/**
 * The loss that a compiled model is trained on, of any batch, with its layers as at inference (`training`: as in
 * training): the mean of each output's loss, summed, and the regularizers'.
 */
export class ModelLoss {
  readonly variables: readonly Variable[]
  /** One an output, in the order of the model's. */
  readonly lossFunctions: readonly LossFunction[]
  /** The name of each, where the model was compiled with a name. */
  readonly kinds: readonly (string | null)[]
  readonly #model: LayersModel
  readonly #training: boolean

  constructor(given: LayersModel, { training }: { training: boolean }) {
    // A Sequential trains through a model of its own.
    this.#model = (given as unknown as { model?: LayersModel }).model ?? given
    this.#training = training
    const { lossFunctions, outputNames } = this.#compiled
    if (lossFunctions === undefined || this.#model.optimizer == null) {
      throw new SaltflatError(
        'ERR_STATE',
        'Expected a compiled model, received one without a loss. Call compile first.',
      )
    }
    this.lossFunctions = lossFunctions
    const { loss } = this.#model as unknown as { loss: unknown }
    this.kinds = outputNames.map((name, i) => {
      const one = Array.isArray(loss) ? loss[i] : ((loss as Record<string, unknown>)[name] ?? loss)
      return typeof one === 'string' ? one : null
    })
    this.variables = this.#model.trainableWeights.map((weight) => weight.read() as Variable)
  }

  /** Names of the inputs and of the outputs, in order. */
  get names(): { readonly inputs: readonly string[]; readonly outputs: readonly string[] } {
    return { inputs: this.#model.inputNames, outputs: this.#model.outputNames }
  }

  /** The loss of the regularizers alone; null where there are none. */
  get penalty(): Loss | null {
    const found = tidy(() => this.#compiled.calculateLosses().length)
    if (found === 0) return null
    return () => tidy(() => this.#compiled.calculateLosses().reduce((a, b) => add(a, b)))
  }

  /** The data in batches of `batchSize`, cut when they are used. */
  cut(x: Examples, y: Examples, batchSize: number): ModelBatch[] {
    const { inputs, targets, total } = this.#checked(x, y)
    const batches: ModelBatch[] = []
    for (let start = 0; start < total; start += batchSize) {
      const examples = Math.min(batchSize, total - start)
      batches.push(this.#batch(inputs, targets, examples, (one) => slice(one, start, examples)))
    }
    return batches
  }

  /** The data as one batch, `called` so in messages. */
  whole(x: Examples, y: Examples, called?: readonly [x: string, y: string]): ModelBatch {
    const { inputs, targets, total } = this.#checked(x, y, called)
    return this.#batch(inputs, targets, total, (one) => one)
  }

  get #compiled(): Compiled {
    return this.#model as unknown as Compiled
  }

  #batch(
    inputs: readonly Tensor[],
    targets: readonly Tensor[],
    examples: number,
    cut: (one: Tensor) => Tensor,
  ): ModelBatch {
    this.#fitsStates(examples)
    const part = (one: Tensor) => rowsOf(cut(one))
    const batch: ModelBatch = {
      examples,
      outputs: () => {
        const given = inputs.map(part)
        const found = this.#model.apply(given.length === 1 ? given[0]! : given, { training: this.#training })
        return (Array.isArray(found) ? found : [found]) as Tensor[]
      },
      targets: () => targets.map(part),
      loss: () =>
        tidy(() => {
          const wanted = batch.targets()
          const losses = batch.outputs().map((one, i) => mean(this.lossFunctions[i]!(wanted[i]!, one)))
          return [...losses, ...this.#compiled.calculateLosses()].reduce((a, b) => add(a, b)) as Scalar
        }),
    }
    return batch
  }

  #checked(
    x: Examples,
    y: Examples,
    [of, to] = ['x', 'y'] as readonly [string, string],
  ): { inputs: readonly Tensor[]; targets: readonly Tensor[]; total: number } {
    const inputs = checkedInOrder(of, x, this.#inputs)
    const total = inputs[0]!.shape[0]!
    const targets = checkedInOrder(to, y, this.#targets, total)
    if (total === 0) throw new SaltflatError('ERR_EMPTY', 'Expected at least one example, received none.')
    return { inputs, targets, total }
  }

  get #inputs(): Slot[] {
    return this.names.inputs.map((name, i) => ({ name, shape: this.#model.inputs[i]!.shape.slice(1) }))
  }

  /** A target of another shape than the output would be broadcast, and give the Hessian of another loss. */
  get #targets(): Slot[] {
    return this.names.outputs.map((name, i) => {
      const { shape } = this.#model.outputs[i]!
      const sparse = [this.kinds[i], this.lossFunctions[i]!.name].includes('sparseCategoricalCrossentropy')
      return { name, shape: sparse ? [...shape.slice(1, -1), 1] : shape.slice(1) }
    })
  }

  /** A layer that keeps a state for each example of a batch knows only batches of that size. */
  #fitsStates(examples: number): void {
    const size = this.#model.inputs[0]?.shape[0]
    if (!this.#model.stateful || size == null || size === examples) return
    throw new SaltflatError(
      'ERR_SHAPE',
      `Expected batches of ${size} examples, as a layer of the model keeps a state for each, received one of ${examples}. Set batchSize to ${size}, and give a multiple of it.`,
    )
  }
}
