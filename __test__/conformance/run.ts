import { constraintsOf, type LayerWeight } from '../../src/grads/constraints.ts'
import { withKernels } from '../../src/grads/kernels/index.ts'
import { withRandomness } from '../../src/grads/randomness.ts'
import { nothing, SideEffects } from '../../src/grads/side-effects.ts'
import type { FlatOptimizer } from '../../src/index.ts'
import { tf } from '../helpers/backends.ts'
import { type Entry, examples, type Kind, lossesOf } from './kinds.ts'
import { seed } from './optimizers.ts'

/** A model being trained. */
export class Run {
  readonly model: tf.LayersModel
  readonly x: tf.Tensor[]
  readonly y: tf.Tensor[]
  /** Forward passes so far. */
  passes = 0
  readonly #kind: Kind
  readonly #optimizer: tf.Optimizer
  readonly #losses: ReturnType<typeof lossesOf>

  constructor(kind: Kind, optimizer: tf.Optimizer) {
    this.#kind = kind
    this.#optimizer = optimizer
    this.model = kind.build()
    this.x = kind.inputs()
    this.y = kind.targets()
    this.#losses = lossesOf(kind).map((loss, i) => (targets: tf.Tensor, predictions: tf.Tensor) => {
      if (i === 0) this.passes++
      return loss(targets, predictions)
    })
    const loss = [...this.#losses]
    this.model.compile({ optimizer, loss: loss.length === 1 ? loss[0]! : loss, metrics: ['mae'] })
  }

  /** Some steps by one way in: the names and values that each reports. */
  async train(entry: Entry, steps: number): Promise<{ names: string[]; values: number[][] }> {
    const { model, x, y } = this
    const { classWeight } = this.#kind
    const args = { epochs: steps, verbose: 0 as const, ...(classWeight && { classWeight }) }
    if (entry === 'fit') {
      return logged(await model.fit(x, y, { batchSize: examples, shuffle: false, ...args }))
    }
    if (entry === 'fitDataset') return logged(await model.fitDataset(this.#dataset(), args))
    const values: number[][] = []
    for (let step = 0; step < steps; step++) {
      if (entry === 'trainOnBatch') values.push([await model.trainOnBatch(x, y)].flat() as number[])
      else values.push([this.#minimize()])
    }
    return { names: entry === 'minimize' ? ['loss'] : (model.metricsNames as string[]), values }
  }

  /** The loss of the weights as they are, always with the same randomness; moves nothing. */
  loss(): number {
    const effects = new SideEffects(this.variables)
    const value = withRandomness(seed, 0, 1, () =>
      effects.during(nothing, () => tf.tidy(() => this.#loss().dataSync()[0]!)),
    )
    this.passes = 0
    return value
  }

  get variables(): tf.Variable[] {
    return this.model.trainableWeights.map((weight) => weight.read() as tf.Variable)
  }

  /** What a step of the model trains; a Sequential has a model inside. */
  get collected(): LayerWeight[] {
    const outer = this.model as unknown as { model?: Inner } & Inner
    return (outer.model ?? outer).collectedTrainableWeights
  }

  dispose(): void {
    const first = this.model.layers[0] as unknown as Recurrent
    if (this.#kind.stateful) {
      this.model.resetStates()
      tf.dispose(first.getStates())
    }
    // Stock layers keep the masks of their last call.
    if (first.cell !== undefined) tf.dispose([first.cell.dropoutMask, first.cell.recurrentDropoutMask])
    disposeOptimizer(this.#optimizer)
    this.model.dispose()
    tf.dispose([...this.x, ...this.y])
  }

  #minimize(): number {
    const cost = this.#optimizer.minimize((part?: number) => this.#loss(part), true, this.variables)!
    const [value] = cost.dataSync()
    cost.dispose()
    return value!
  }

  /** As a model computes it, on a half of the batch or all of it. */
  #loss(part?: number): tf.Scalar {
    const half = (whole: tf.Tensor) => (part === undefined ? whole : tf.split(whole, 2)[part]!)
    return tf.tidy(() => {
      const inputs = this.x.map(half)
      const outputs = [
        this.model.apply(inputs.length === 1 ? inputs[0]! : inputs, { training: true }),
      ].flat() as tf.Tensor[]
      const weights = this.#weights()
      let total: tf.Tensor = tf.scalar(0)
      for (const [i, output] of outputs.entries()) {
        const loss = this.#losses[i]!(half(this.y[i]!), output)
        total = tf.add(total, tf.mean(weights === null ? loss : tf.mul(loss, half(weights))))
      }
      for (const penalty of this.model.calculateLosses()) total = tf.add(total, penalty)
      return total as tf.Scalar
    })
  }

  /** Weights of the examples. */
  #weights(): tf.Tensor | null {
    const { classWeight, sampleWeight } = this.#kind
    if (classWeight === undefined) return sampleWeight === undefined ? null : tf.tensor1d([...sampleWeight])
    return tf.sum(tf.mul(this.y[0]!, Object.values(classWeight)), 1)
  }

  #dataset() {
    const { model, x, y } = this
    const named = (names: string[], tensors: tf.Tensor[]) =>
      tensors.length === 1
        ? tensors[0]!.clone()
        : Object.fromEntries(names.map((name, i) => [name, tensors[i]!.clone()]))
    return tf.data.generator(function* () {
      yield { xs: named(model.inputNames, x), ys: named(model.outputNames, y) } as unknown as tf.TensorContainer
    })
  }
}

interface Recurrent {
  getStates(): tf.Tensor[]
  cell?: { dropoutMask: tf.Tensor[]; recurrentDropoutMask: tf.Tensor[] }
}
interface Inner {
  collectedTrainableWeights: LayerWeight[]
}

function logged({ history }: tf.History): { names: string[]; values: number[][] } {
  const names = Object.keys(history)
  const steps = history[names[0]!]!.length
  return {
    names,
    values: Array.from({ length: steps }, (_, step) => names.map((name) => history[name]![step] as number)),
  }
}

/** Stock momentum forgets its rate at dispose (tfjs #4647). */
function disposeOptimizer(optimizer: tf.Optimizer): void {
  optimizer.dispose()
  const stock = (optimizer as Partial<FlatOptimizer>).settings?.base.foreign ?? optimizer
  ;(stock as unknown as { c?: tf.Tensor }).c?.dispose()
}

/** A stock optimizer with what the library adds to a plain step: our kernels, replayed dropout, constraints of models. */
export function assisted(stock: tf.Optimizer, weights: () => readonly LayerWeight[]): tf.Optimizer {
  const { minimize } = stock
  let step = 0
  stock.minimize = (...args) => {
    const run = () => withKernels(tf.getBackend(), () => minimize.apply(stock, args))
    const cost = withRandomness(seed, step++, 0, run)
    constraintsOf(weights())()
    return cost
  }
  return stock
}
