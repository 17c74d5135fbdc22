import type { ExecutionContext } from 'ava'
import { constraintsOf, type LayerWeight } from '../../src/grads/constraints.ts'
import { withKernels } from '../../src/grads/kernels/index.ts'
import { withRandomness } from '../../src/grads/randomness.ts'
import { nothing, SideEffects } from '../../src/grads/side-effects.ts'
import {
  adam,
  adamw,
  type BaseOptimizer,
  type FlatOptimizer,
  lion,
  momentum,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  sam,
  sgd,
} from '../../src/index.ts'
import { backends, tf } from '../helpers/backends.ts'
import { distance, weightsOf } from '../helpers/training.ts'
import type { Cell } from './covering.ts'
import { type Entry, entries, examples, type Kind, kinds, lossesOf } from './kinds.ts'

const seed = 7
const noise = { seed, sigma: 0.01 }
const learningRate = 0.02
const options = { learningRate, seed }

/** A base, and the stock optimizer that it must equal on the same gradients, where there is one. */
interface Base {
  readonly name: string
  make(): BaseOptimizer
  stock?(): tf.Optimizer
}

/** tfjs adds rmsprop's epsilon inside the root. */
const [epsilon, inside] = [1e-8, 1e-16]
const bases: readonly Base[] = [
  { name: 'sgd', make: () => sgd(options), stock: () => tf.train.sgd(learningRate) },
  { name: 'momentum', make: () => momentum(options), stock: () => tf.train.momentum(learningRate, 0.9) },
  { name: 'nesterov', make: () => nesterov(options), stock: () => tf.train.momentum(learningRate, 0.9, true) },
  {
    name: 'adam',
    make: () => adam({ ...options, epsilon }),
    stock: () => tf.train.adam(learningRate, 0.9, 0.999, epsilon),
  },
  { name: 'adamw', make: () => adamw(options) },
  {
    name: 'rmsprop',
    make: () => rmsprop({ ...options, epsilon }),
    stock: () => tf.train.rmsprop(learningRate, 0.9, 0, inside),
  },
  { name: 'lion', make: () => lion(options) },
  ...(['sgd', 'adam', 'rmsprop'] as const).map((name) => {
    const make = () => tf.train[name](learningRate)
    return { name: `tf.train.${name}`, make, stock: make }
  }),
  {
    name: 'tf.train.momentum',
    make: () => tf.train.momentum(learningRate, 0.9),
    stock: () => tf.train.momentum(learningRate, 0.9),
  },
]

/** An estimator around a base, and the same with a noise or radius of 0. */
interface EstimatorRow {
  readonly name: string
  make(base: BaseOptimizer): FlatOptimizer
  still(base: BaseOptimizer): FlatOptimizer
}
const zero = () => 0
const estimators: readonly EstimatorRow[] = [
  { name: 'plain', make: plain, still: plain },
  { name: 'nso', make: (base) => nso(base, noise), still: (base) => nso(base, { ...noise, sigma: zero }) },
  {
    name: 'nso, k = 2 of split data',
    make: (base) => nso(base, { ...noise, perturbations: 2, data: 'split' }),
    still: (base) => nso(base, { ...noise, perturbations: 2, data: 'split', sigma: zero }),
  },
  {
    name: 'one-sided, k = 2',
    make: (base) => oneSided(base, { ...noise, perturbations: 2 }),
    still: (base) => oneSided(base, { ...noise, perturbations: 2, sigma: zero }),
  },
  { name: 'sam', make: (base) => sam(base, { rho: 0.02, seed }), still: (base) => sam(base, { rho: zero, seed }) },
]

/** The base alone; a stock one is wrapped without noise. */
function plain(base: BaseOptimizer): FlatOptimizer {
  return 'settings' in base ? (base as FlatOptimizer) : nso(base, { seed, sigma: zero })
}

type Factors = {
  base: readonly Base[]
  estimator: readonly EstimatorRow[]
  kind: readonly Kind[]
  entry: readonly Entry[]
  backend: readonly string[]
}

/** The table's factors. */
export const factors: Factors = { base: bases, estimator: estimators, kind: kinds, entry: entries, backend: backends }
export type TrainingCell = Cell<Factors>

/** Class weights exist in some ways in only, sample weights in own loops; a stateful layer needs all of a batch. */
export function valid({ kind, entry, estimator }: TrainingCell): boolean {
  return (kind.entries?.includes(entry) ?? true) && !(kind.stateful && estimator.name.includes('split'))
}

export const title = ({ base, estimator, kind, entry }: TrainingCell): string =>
  `${estimator.name} on ${base.name}, ${kind.name}, ${entry}`

/** A model being trained. */
class Run {
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
function assisted(stock: tf.Optimizer, weights: () => readonly LayerWeight[]): tf.Optimizer {
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

/** What stock tfjs reports a step, asked once a kind and way in. */
const reported = new Map<string, string[]>()
async function reportedNames({ kind, entry }: TrainingCell): Promise<string[]> {
  const key = `${kind.name}, ${entry}`
  if (!reported.has(key)) {
    const run = new Run(
      kind,
      assisted(tf.train.sgd(learningRate), () => []),
    )
    reported.set(key, (await run.train(entry, 1)).names)
    run.dispose()
  }
  return reported.get(key)!
}

/** All that a cell must show. */
export async function conforms(t: ExecutionContext, cell: TrainingCell): Promise<void> {
  const { base, estimator, kind, entry } = cell
  const names = await reportedNames(cell)
  const optimizer = estimator.make(base.make())
  const run = new Run(kind, optimizer)
  const first = await run.train(entry, 2)
  const weights = weightsOf(run.model)
  t.is(run.passes, 2 * passesOf(optimizer, kind), 'passes')
  t.deepEqual(first.names, names)
  const [loss, { numTensors }] = [run.loss(), tf.memory()]
  const second = await run.train(entry, 2)
  t.is(tf.memory().numTensors, numTensors, 'tensors are flat')
  t.is(run.passes, 2 * passesOf(optimizer, kind), 'passes')
  for (const values of [...first.values, ...second.values]) {
    t.is(values.length, names.length)
    t.true(values.every(Number.isFinite), `${values}`)
  }
  t.is(optimizer.iterations, 4)
  const reached = run.loss()
  t.true(reached < loss, `the loss falls: ${loss}, then ${reached}`)
  run.dispose()

  const again = new Run(kind, estimator.make(base.make()))
  t.deepEqual((await again.train(entry, 2)).values, first.values)
  t.deepEqual(weightsOf(again.model), weights, 'the same seed, the same bits')
  again.dispose()
  if (base.stock !== undefined) await equalsStock(t, cell)
}

/** Without noise, an optimizer of ours is its stock twin. */
async function equalsStock(t: ExecutionContext, { base, estimator, kind, entry }: TrainingCell): Promise<void> {
  const ours = new Run(kind, estimator.still(base.make()))
  const constrained = () => (entry === 'minimize' ? [] : stock.collected)
  const stock: Run = new Run(kind, assisted(base.stock!(), constrained))
  const [a, b] = [await ours.train(entry, 3), await stock.train(entry, 3)]
  t.true(distance(a.values, b.values) < 1e-5, `reported: ${a.values} and ${b.values}`)
  const apart = distance(weightsOf(ours.model), weightsOf(stock.model))
  t.true(apart < 1e-5, `weights differ from stock by ${apart}`)
  for (const one of [ours, stock]) one.dispose()
}

/** Forward passes of a step: the gradients, and a clean one where something moves and no gradient is at W. */
function passesOf(optimizer: FlatOptimizer, { moves = false }: Kind): number {
  const { estimator, options, batchNorm } = optimizer.settings
  if (options.sigma === zero) return 1
  const elsewhere = estimator === 'nso' || estimator === 'one-sided'
  return optimizer.passesPerStep + Number(moves && elsewhere && batchNorm === 'clean')
}
