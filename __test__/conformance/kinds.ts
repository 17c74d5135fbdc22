import { tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

/** Ways into a step. */
export const entries = ['fit', 'fitDataset', 'trainOnBatch', 'minimize'] as const
export type Entry = (typeof entries)[number]

type ModelLoss = (targets: tf.Tensor, predictions: tf.Tensor) => tf.Tensor

/** A model and what it is trained on: one batch of `examples`. */
export interface Kind {
  readonly name: string
  build(): tf.LayersModel
  inputs(): tf.Tensor[]
  targets(): tf.Tensor[]
  /** One an output; the mean squared error where absent. */
  readonly losses?: readonly ModelLoss[]
  readonly classWeight?: Record<number, number>
  /** Weights of the examples, for own loops. */
  readonly sampleWeight?: readonly number[]
  /** Where it exists; absent: everywhere. */
  readonly entries?: readonly Entry[]
  /** A pass moves something for good: statistics or states. */
  readonly moves?: boolean
  readonly stateful?: boolean
}

export const examples = 8
const { layers } = tf
const dense = (units: number, seed: number, more: object = {}) =>
  layers.dense({ units, kernelInitializer: start(seed), ...more })
const features = () => [random([examples, 4], 10)]
const one = () => [random([examples, 1], 11)]
const classes = () => [tf.tidy(() => tf.oneHot([0, 1, 2, 0, 1, 2, 2, 1], 3).toFloat())]
const series = () => [random([examples, 3, 2], 10)]
const tokens = () => [tf.tensor2d([0, 1, 2, 3, 4, 5, 1, 2, 3, 1, 1, 1, 2, 5, 0, 4], [examples, 2])]

/** Layers one after the other on four features, ending in one output. */
const stack = (...between: tf.layers.Layer[]) =>
  tf.sequential({ layers: [dense(5, 1, { inputShape: [4], activation: 'tanh' }), ...between, dense(1, 9)] })

const functional = (inputs: tf.SymbolicTensor[], outputs: unknown) =>
  tf.model({ inputs, outputs: outputs as tf.SymbolicTensor[] })

const crossEntropy: ModelLoss = (targets, predictions) => tf.metrics.categoricalCrossentropy(targets, predictions)

/** Scores by the embedding that made the features: one weight, used twice. */
class Tied extends tf.layers.Layer {
  static readonly className = 'Tied'
  readonly #embedding: tf.layers.Layer

  constructor(embedding: tf.layers.Layer) {
    super({})
    this.#embedding = embedding
  }

  override computeOutputShape(shape: tf.Shape): tf.Shape {
    return [shape[0]!, 6]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const table = this.#embedding.trainableWeights[0]!.read() as tf.Tensor2D
    return tf.tidy(() => tf.matMul((Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor2D, table, false, true))
  }
}

function embedding(): tf.layers.Layer {
  return layers.embedding({ inputDim: 6, outputDim: 3, inputLength: 2, embeddingsInitializer: start(1) })
}

/** THE table of model kinds. */
export const kinds: readonly Kind[] = [
  { name: 'dense', build: () => stack(), inputs: features, targets: one },
  {
    name: 'conv and BatchNorm',
    build: () =>
      tf.sequential({
        layers: [
          layers.conv2d({
            filters: 2,
            kernelSize: 2,
            useBias: false,
            inputShape: [4, 4, 1],
            kernelInitializer: start(1),
          }),
          layers.batchNormalization(),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.flatten(),
          dense(1, 2),
        ],
      }),
    inputs: () => [random([examples, 4, 4, 1], 10)],
    targets: one,
    moves: true,
  },
  { name: 'LayerNorm', build: () => stack(layers.layerNormalization()), inputs: features, targets: one },
  { name: 'dropout', build: () => stack(layers.dropout({ rate: 0.2 })), inputs: features, targets: one },
  {
    name: 'dropout with a seed',
    build: () => stack(layers.dropout({ rate: 0.2, seed: 3 })),
    inputs: features,
    targets: one,
  },
  { name: 'GaussianNoise', build: () => stack(layers.gaussianNoise({ stddev: 0.1 })), inputs: features, targets: one },
  {
    name: 'LSTM with recurrent dropout',
    build: () =>
      tf.sequential({
        layers: [
          layers.lstm({
            units: 2,
            inputShape: [3, 2],
            dropout: 0.1,
            recurrentDropout: 0.1,
            kernelInitializer: start(1),
            recurrentInitializer: start(2),
          }),
          dense(1, 3),
        ],
      }),
    inputs: series,
    targets: one,
  },
  {
    name: 'stateful RNN',
    build: () =>
      tf.sequential({
        layers: [
          layers.simpleRNN({
            units: 2,
            stateful: true,
            batchInputShape: [examples, 3, 2],
            kernelInitializer: start(1),
            recurrentInitializer: start(2),
          }),
          dense(1, 3),
        ],
      }),
    inputs: series,
    targets: one,
    moves: true,
    stateful: true,
  },
  {
    name: 'embedding',
    build: () => tf.sequential({ layers: [embedding(), layers.flatten(), dense(1, 2)] }),
    inputs: tokens,
    targets: one,
  },
  {
    name: 'shared layers',
    build: () => {
      const inputs = [tf.input({ shape: [4] }), tf.input({ shape: [4] })]
      const twin = dense(3, 1, { activation: 'tanh' })
      const both = layers.concatenate().apply(inputs.map((input) => twin.apply(input) as tf.SymbolicTensor))
      return functional(inputs, dense(1, 2).apply(both))
    },
    inputs: () => [...features(), random([examples, 4], 12)],
    targets: one,
  },
  {
    name: 'multi-input and multi-output',
    build: () => {
      const inputs = [tf.input({ shape: [4], name: 'a' }), tf.input({ shape: [3], name: 'b' })]
      const trunk = dense(4, 1, { activation: 'tanh' }).apply(layers.concatenate().apply(inputs))
      return functional(inputs, [
        dense(1, 2, { name: 'left' }).apply(trunk),
        dense(3, 3, { name: 'right', activation: 'softmax' }).apply(trunk),
      ])
    },
    inputs: () => [...features(), random([examples, 3], 12)],
    targets: () => [...one(), ...classes()],
    losses: [tf.losses.meanSquaredError, crossEntropy],
  },
  {
    name: 'regularized',
    build: () => stack(dense(3, 2, { kernelRegularizer: 'l1l2', biasRegularizer: tf.regularizers.l2() })),
    inputs: features,
    targets: one,
  },
  {
    name: 'constrained',
    build: () => stack(dense(3, 2, { kernelConstraint: 'unitNorm' }), dense(3, 3, { kernelConstraint: 'nonNeg' })),
    inputs: features,
    targets: one,
  },
  {
    name: 'frozen layer',
    build: () => {
      const model = stack(dense(3, 2))
      model.layers[0]!.trainable = false
      return model
    },
    inputs: features,
    targets: one,
  },
  {
    name: 'class weights',
    build: () => tf.sequential({ layers: [dense(3, 1, { inputShape: [4], activation: 'softmax' })] }),
    inputs: features,
    targets: classes,
    losses: [crossEntropy],
    classWeight: { 0: 1, 1: 2, 2: 0.5 },
    // `trainOnBatch` takes none.
    entries: ['fit', 'fitDataset', 'minimize'],
  },
  {
    name: 'sample weights',
    build: () => stack(),
    inputs: features,
    targets: one,
    losses: [tf.metrics.meanSquaredError],
    sampleWeight: [1, 2, 0, 1, 0.5, 1, 3, 1],
    // tfjs's own ways in say "not supported yet".
    entries: ['minimize'],
  },
  {
    name: 'tied weights',
    build: () => {
      const table = embedding()
      const input = tf.input({ shape: [2] })
      const flat = layers.globalAveragePooling1d({}).apply(table.apply(input)) as tf.SymbolicTensor
      return functional([input], new Tied(table).apply(flat))
    },
    inputs: tokens,
    targets: () => [random([examples, 6], 11)],
  },
  {
    name: 'unused variable',
    build: () => {
      const input = tf.input({ shape: [4] })
      const trunk = dense(3, 1, { activation: 'tanh' }).apply(input)
      return functional(
        [input],
        [dense(1, 2, { name: 'used' }).apply(trunk), dense(1, 3, { name: 'unused' }).apply(trunk)],
      )
    },
    inputs: features,
    targets: () => [...one(), ...one()],
    losses: [tf.losses.meanSquaredError, (targets) => tf.mean(tf.square(targets))],
  },
]

/** The losses of a kind, one an output. */
export const lossesOf = ({ losses = [tf.losses.meanSquaredError] }: Kind): readonly ModelLoss[] => losses
