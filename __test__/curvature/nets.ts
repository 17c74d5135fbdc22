import type * as TF from '@tensorflow/tfjs'
import { hessian } from '../../src/curvature/hessian.ts'
import type { Operator } from '../../src/curvature/operator.ts'
import { Data } from '../grads/second-order/case.ts'
import { tf } from '../helpers/backends.ts'

// The nets of ../oracle/curvature_nets.py in tfjs, on the same weights and data; what both sides draw is in the same order.

/** A net and its data, set up on the active backend. */
export interface Net {
  readonly operator: Operator
  /** The loss, to tell a wrong model from a wrong Hessian. */
  readonly loss: () => number
  dispose(): void
}

/** Builds a net; the seed is its place in the table, counted from 1. */
export type Make = (seed: number, shapes: readonly number[][]) => Net

/** THE table, in the order of the constants. */
export const nets: Readonly<Record<string, Make>> = {
  'mlp, tanh': mlp('tanh'),
  'mlp, relu': mlp('relu'),
  'mlp, gelu': mlp('gelu'),
  'mlp, swish': mlp('swish'),
  'conv, BatchNorm, pooling': layers(
    [8, 8, 2],
    [
      () => tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }),
      () => tf.layers.batchNormalization(),
      () => tf.layers.reLU(),
      () => tf.layers.maxPooling2d({ poolSize: 2 }),
      () => tf.layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same' }),
      () => tf.layers.batchNormalization(),
      () => tf.layers.activation({ activation: 'tanh' }),
      () => tf.layers.averagePooling2d({ poolSize: 2 }),
      () => tf.layers.flatten(),
    ],
    { examples: 16, classes: 4, gains: [2, 6, 11, 13] },
  ),
  'depthwise conv': layers(
    [8, 8, 3],
    [
      () => tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'tanh' }),
      () => tf.layers.conv2d({ filters: 8, kernelSize: 1, activation: 'tanh' }),
      () => tf.layers.globalAveragePooling2d({}),
    ],
    { examples: 12, classes: 4 },
  ),
  lstm: layers([6, 5], [() => tf.layers.lstm({ units: 8 })], { examples: 24, classes: 3 }),
  'lstm, sigmoid gates': layers([6, 5], [() => tf.layers.lstm({ units: 8, recurrentActivation: 'sigmoid' })], {
    examples: 24,
    classes: 3,
  }),
  gru: layers([6, 5], [() => tf.layers.gru({ units: 8 })], { examples: 24, classes: 3 }),
  'transformer block': operations([8, 6, 8], 4, transformer, [4, 6]),
  embedding: layers(
    [6],
    [
      () => tf.layers.embedding({ inputDim: 12, outputDim: 4 }),
      () => tf.layers.flatten(),
      () => tf.layers.dense({ units: 8, activation: 'tanh' }),
    ],
    { examples: 20, classes: 3, vocabulary: 12 },
  ),
  'graph net': operations([20, 26], 3, graph),
}

/** Those of which only the eigenvalues are known, in the order of theirs. */
export const larger: Readonly<Record<string, Make>> = {
  'mlp, 1,870 weights': layers(
    [20],
    [1, 2].map(() => () => tf.layers.dense({ units: 30, activation: 'tanh' })),
    { examples: 80, classes: 10 },
  ),
  'conv, 1,518 weights': layers(
    [8, 8, 2],
    [
      () => tf.layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'tanh' }),
      () => tf.layers.maxPooling2d({ poolSize: 2 }),
      () => tf.layers.conv2d({ filters: 12, kernelSize: 3, padding: 'same', activation: 'tanh' }),
      () => tf.layers.averagePooling2d({ poolSize: 2 }),
      () => tf.layers.flatten(),
    ],
    { examples: 32, classes: 10 },
  ),
}

type Layer = ReturnType<typeof tf.layers.dense>

interface Shape {
  readonly examples: number
  readonly classes: number
  readonly gains?: readonly number[]
  /** Inputs are numbers of words below this. */
  readonly vocabulary?: number
}

/** Values of weights: kernels by their inputs, the rest small; gains about 1. */
function drawn(data: Data, shapes: readonly number[][], gains: readonly number[]): TF.Tensor[] {
  return shapes.map((shape, i) => {
    const inputs = shape.slice(0, -1).reduce((a, b) => a * b, 1)
    return tf.tidy(() => {
      const values = data.tensor(tf, shape, shape.length > 1 ? 1 / Math.sqrt(inputs) : 0.1)
      return gains.includes(i) ? tf.add(1, values) : values
    })
  })
}

function labelsOf(data: Data, count: number, classes: number): TF.Tensor {
  return tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(data.whole(count, classes), 'int32'), classes), 'float32'))
}

/** A compiled model of these layers and a softmax on top. */
function layers(input: number[], make: readonly (() => unknown)[], shape: Shape): Make {
  return (seed, shapes) => {
    const { examples, classes, gains = [], vocabulary } = shape
    const model = tf.sequential()
    model.add(tf.layers.inputLayer({ inputShape: input }))
    for (const one of make) model.add(one() as Layer)
    model.add(tf.layers.dense({ units: classes, activation: 'softmax' }))
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
    const data = new Data(seed)
    const values = drawn(data, shapes, gains)
    model.setWeights(values)
    const all = [examples, ...input]
    const x =
      vocabulary === undefined
        ? data.tensor(tf, all)
        : tf.tensor(data.whole(examples * input[0]!, vocabulary), all, 'int32')
    const y = labelsOf(data, examples, classes)
    return {
      operator: hessian(model, x, y),
      loss: () => tf.tidy(() => (model.evaluate(x, y) as TF.Scalar).dataSync()[0]!),
      dispose() {
        tf.dispose([values, x, y])
        model.dispose()
      },
    }
  }
}

function mlp(activation: 'tanh' | 'relu' | 'gelu' | 'swish'): Make {
  const hidden = () => tf.layers.dense({ units: 12, activation: activation as 'relu' })
  return layers([8], [hidden, hidden], { examples: 40, classes: 4 })
}

/** Softmax cross-entropy on what operations make of the weights and the input. */
function operations(
  input: number[],
  classes: number,
  logits: (weights: TF.Tensor[], x: TF.Tensor) => TF.Tensor,
  gains: readonly number[] = [],
): Make {
  return (seed, shapes) => {
    const data = new Data(seed)
    const values = drawn(data, shapes, gains)
    const variables = values.map((one) => tf.variable(one))
    const x = data.tensor(tf, input)
    const y = labelsOf(data, input[0]!, classes)
    const loss = () => tf.losses.softmaxCrossEntropy(y, logits(variables, x)) as TF.Scalar
    return {
      operator: hessian(loss, { variables }),
      loss: () => tf.tidy(() => loss().dataSync()[0]!),
      dispose: () => tf.dispose([values, variables, x, y]),
    }
  }
}

/** x·w over the last axis. */
function times(x: TF.Tensor, w: TF.Tensor): TF.Tensor {
  const [inputs, outputs] = w.shape as [number, number]
  const rows = tf.reshape(x, [-1, inputs]) as TF.Tensor2D
  return tf.reshape(tf.matMul(rows, w as TF.Tensor2D), [...x.shape.slice(0, -1), outputs])
}

function normed(x: TF.Tensor, gain: TF.Tensor, shift: TF.Tensor): TF.Tensor {
  const { mean, variance } = tf.moments(x, -1, true)
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-3))), gain), shift)
}

/** A block of attention with two heads, normalised before each part; the mean over tokens is classified. */
function transformer(weights: TF.Tensor[], x: TF.Tensor): TF.Tensor {
  const [wq, wk, wv, wo, g1, s1, g2, s2, up, b1, down, b2, out, b3] = weights
  const [batch, tokens, width] = x.shape as [number, number, number]
  const heads = 2
  const split = (y: TF.Tensor) => tf.transpose(tf.reshape(y, [batch, tokens, heads, width / heads]), [0, 2, 1, 3])
  const gelu = (y: TF.Tensor) => tf.mul(tf.mul(0.5, y), tf.add(1, tf.erf(tf.mul(y, Math.SQRT1_2))))
  const h = normed(x, g1!, s1!)
  const [q, k, v] = [wq, wk, wv].map((w) => split(times(h, w!))) as [TF.Tensor, TF.Tensor, TF.Tensor]
  const attention = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width / heads)))
  const mixed = tf.reshape(tf.transpose(tf.matMul(attention, v), [0, 2, 1, 3]), [batch, tokens, width])
  const y = tf.add(x, times(mixed, wo!))
  const z = tf.add(y, tf.add(times(gelu(tf.add(times(normed(y, g2!, s2!), up!), b1!)), down!), b2!))
  return tf.add(times(tf.mean(z, 1), out!), b3!)
}

/** Two graph convolutions; x is [adjacency | features]. */
function graph(weights: TF.Tensor[], x: TF.Tensor): TF.Tensor {
  const [k1, b1, k2, b2] = weights as [TF.Tensor, TF.Tensor, TF.Tensor, TF.Tensor]
  const [nodes, columns] = x.shape as [number, number]
  const adjacency = tf.slice(x, [0, 0], [nodes, nodes]) as TF.Tensor2D
  const features = tf.slice(x, [0, nodes], [nodes, columns - nodes])
  const spread = (h: TF.Tensor) => tf.matMul(adjacency, h as TF.Tensor2D)
  const h = tf.tanh(tf.add(spread(times(features, k1)), b1))
  return tf.add(spread(times(h, k2)), b2)
}
