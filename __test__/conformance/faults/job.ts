import { adam, type FlatOptimizer, nso } from '../../../src/index.ts'
import { bits, tf } from '../../helpers/backends.ts'
import { random, start } from '../../helpers/training.ts'

// A training job that can be told at which pass of its next step something goes wrong.

/** What goes wrong in a pass. */
export interface Fault {
  readonly name: string
  /** The code that says so. */
  readonly code: string
  /** Where it happens. */
  readonly place: 'loss' | 'layer' | 'metric'
  /** Throws, or spoils the loss. */
  spoil(loss: tf.Scalar): tf.Scalar
}

const fail = (error: unknown): never => {
  throw error
}

const spoiledGradient = (loss: tf.Scalar) =>
  tf.customGrad((x) => ({
    value: (x as tf.Tensor).clone(),
    gradFunc: (dy) => tf.mul(dy as tf.Tensor, Number.NaN),
  }))(loss) as tf.Scalar

export const faults: readonly Fault[] = [
  { name: 'a loss throws', code: 'ERR_LOSS', place: 'loss', spoil: () => fail(new TypeError('mine')) },
  { name: 'a layer throws', code: 'ERR_LOSS', place: 'layer', spoil: () => fail(new TypeError('mine')) },
  { name: 'a metric throws', code: 'ERR_LOSS', place: 'metric', spoil: () => fail(new TypeError('mine')) },
  { name: 'the loss is NaN', code: 'ERR_NOT_FINITE', place: 'loss', spoil: (x) => tf.add(x, Number.NaN) as tf.Scalar },
  { name: 'the gradient is NaN', code: 'ERR_NOT_FINITE', place: 'loss', spoil: spoiledGradient },
  { name: 'both are NaN', code: 'ERR_NOT_FINITE', place: 'loss', spoil: (x) => tf.mul(x, Number.NaN) as tf.Scalar },
  {
    name: 'the loss aborts',
    code: 'ERR_ABORTED',
    place: 'loss',
    spoil: () => AbortSignal.abort().throwIfAborted() as never,
  },
]

/** A model with everything that a step moves besides weights, its data, and what is to fail. */
export class Job {
  readonly optimizer: FlatOptimizer
  readonly model: tf.LayersModel
  readonly x: tf.Tensor = random([8, 4], 10)
  readonly y: tf.Tensor = random([8, 1], 11)
  /** Pass of the next step that fails; -1: none. */
  bad = -1
  fault: Fault = faults[0]!
  /** Passes begun since `ready`. */
  passes = 0

  constructor(perturbations: number) {
    this.optimizer = nso(adam({ learningRate: 0.05, clipNorm: 1 }), { sigma: 0.05, perturbations, seed: 3 })
    const dropout = tf.layers.dropout({ rate: 0.3 })
    const call = dropout.call.bind(dropout)
    dropout.call = (inputs, options) => {
      if (options?.training) this.#strike('layer')
      return call(inputs, options)
    }
    const stack = tf.sequential({
      layers: [
        tf.layers.dense({ units: 5, activation: 'tanh', inputShape: [4], kernelInitializer: start(1) }),
        tf.layers.batchNormalization(),
        dropout,
        tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
      ],
    })
    this.model = stack
    this.model.compile({
      optimizer: this.optimizer,
      loss: (y, p) => this.loss(y, p),
      metrics: ['mae', (y: tf.Tensor, p: tf.Tensor) => this.#metric(y, p)],
    })
  }

  /** Mean squared error, unless it is this pass that fails. */
  loss(y: tf.Tensor, p: tf.Tensor): tf.Scalar {
    const value = tf.losses.meanSquaredError(y, p) as tf.Scalar
    const strikes = this.passes++ === this.bad && this.fault.place === 'loss'
    return strikes ? this.fault.spoil(value) : value
  }

  ready(bad: number, fault: Fault): void {
    this.bad = bad
    this.fault = fault
    this.passes = 0
  }

  get variables(): tf.Variable[] {
    return this.model.trainableWeights.map((weight) => weight.read() as tf.Variable)
  }

  /** Weights, moving statistics and the optimizer's state, to the bit. */
  async state(): Promise<unknown[]> {
    const saved = await this.optimizer.getWeights()
    const { trace, standardError } = this.optimizer.curvature ?? {}
    const own = saved.map(({ tensor }) => [...(tensor.dtype === 'float32' ? bits(tensor) : tensor.dataSync())])
    return [...this.model.getWeights().map(bits), own, this.optimizer.iterations, trace, standardError]
  }

  dispose(): void {
    this.optimizer.dispose()
    this.model.dispose()
    tf.dispose([this.x, this.y])
  }

  #metric(y: tf.Tensor, p: tf.Tensor): tf.Tensor {
    // The loss of this pass has been counted by then.
    this.passes--
    this.#strike('metric')
    this.passes++
    return tf.metrics.meanSquaredError(y, p)
  }

  #strike(place: Fault['place']): void {
    if (this.passes === this.bad && this.fault.place === place) this.fault.spoil(tf.scalar(0))
  }
}

/** One step on the whole batch. */
export type Step = (job: Job) => unknown

/** Every way into a step, and what stock tfjs itself leaves behind when one throws: the shapes of these tensors. */
export const entries: readonly { name: string; step: Step; left: readonly (readonly number[])[] }[] = [
  {
    name: 'fit',
    step: ({ model, x, y }) => model.fit(x, y, { batchSize: 8, shuffle: false, verbose: 0 }),
    left: [[8]],
  },
  {
    name: 'fitDataset',
    step: ({ model, x, y }) => {
      const dataset = tf.data.generator(function* () {
        yield { xs: x.clone(), ys: y.clone() } as unknown as tf.TensorContainer
      })
      return model.fitDataset(dataset, { epochs: 1, verbose: 0 })
    },
    left: [
      [8, 4],
      [8, 1],
    ],
  },
  { name: 'trainOnBatch', step: ({ model, x, y }) => model.trainOnBatch(x, y), left: [] },
  {
    name: 'minimize',
    step: (job) => {
      const forward = () => job.model.apply(job.x, { training: true }) as tf.Tensor
      return job.optimizer.minimize(() => tf.tidy(() => job.loss(job.y, forward())), false, job.variables)
    },
    left: [],
  },
]

/** Everything of tfjs and the language that a step replaces for a while. */
export function globals(job: Job): unknown {
  const engine = tf.engine() as unknown as {
    keep: unknown
    clone: unknown
    state: { gradientDepth: number; scopeStack: unknown[]; activeScope: unknown }
  }
  const { keep, clone, state } = engine
  const model = job.model as unknown as { makeTrainFunction: unknown; isTraining: unknown }
  return {
    ...{ random: Math.random, keep, clone, assign: Object.getPrototypeOf(job.variables[0]).assign },
    ...{ depth: state.gradientDepth, scopes: state.scopeStack.length, scope: state.activeScope },
    ...{ makeTrainFunction: model.makeTrainFunction, training: model.isTraining ?? false },
    passHandler: job.optimizer.passHandler,
    kernels: tf.getKernelsForBackend(tf.getBackend()).map(({ kernelName, kernelFunc }) => [kernelName, kernelFunc]),
  }
}

/** Runs a step that fails, and gives back what tfjs has left alive; for those tensors are nobody's. */
export async function failing(step: () => unknown): Promise<{ error: unknown; left: number[][] }> {
  const engine = tf.engine() as unknown as { trackTensor(one: tf.Tensor, backend: unknown): void }
  const { trackTensor } = engine
  const made: tf.Tensor[] = []
  engine.trackTensor = (one, backend) => {
    // An assignment has a variable tracked anew.
    if (!(one instanceof tf.Variable)) made.push(one)
    trackTensor.call(engine, one, backend)
  }
  let error: unknown
  try {
    await step()
  } catch (caught) {
    error = caught
  } finally {
    engine.trackTensor = trackTensor
  }
  const alive = made.filter((one) => !one.isDisposed)
  const left = alive.map(({ shape }) => [...shape])
  tf.dispose(alive)
  return { error, left }
}
