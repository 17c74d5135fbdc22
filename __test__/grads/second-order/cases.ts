import type * as TF from '@tensorflow/tfjs'
import type { Case, Tf } from './case.ts'
import { layers } from './cases-layers.ts'
import { flat, net } from './net.ts'

type Unary = (tf: Tf, x: TF.Tensor) => TF.Tensor

/** Σ c·f(W): one op on a variable, each element weighted, so that nothing cancels. */
function op(name: string, f: Unary, shape = [3, 4], start = (x: number) => x): Case {
  return {
    name,
    build(tf, data) {
      const size = shape.reduce((product, length) => product * length, 1)
      const w = tf.variable(tf.tensor(data.values(size).map(start), shape, 'float32'))
      const shapeOut = tf.tidy(() => f(tf, w).shape)
      const weights = data.tensor(tf, shapeOut)
      return { loss: () => tf.sum(tf.mul(weights, f(tf, w))) as TF.Scalar, variables: [w] }
    },
  }
}

const positive = (x: number) => Math.fround(0.3 + Math.abs(x))
const within = (x: number) => Math.fround(Math.tanh(x) * 0.9)
const above = (x: number) => Math.fround(1.2 + Math.abs(x))

/** A small net that ends in `units`, with an activation in the middle. */
function activation(name: string): Case {
  return net(`dense, ${name}`, [5], (tf, x) => {
    const hidden = tf.layers.dense({ units: 6, activation: name as never }).apply(x)
    return tf.layers.dense({ units: 3 }).apply(hidden) as TF.SymbolicTensor
  })
}

/** Logits of a net with tanh in the middle, given to a loss with targets of its kind. */
function loss(
  name: string,
  kind: 'classes' | 'signs' | 'numbers',
  f: (tf: Tf, t: TF.Tensor, y: TF.Tensor) => TF.Tensor,
): Case {
  return {
    name,
    build(tf, data) {
      const [x, w, u] = [data.tensor(tf, [4, 5]), data.variable(tf, [5, 6], 0.5), data.variable(tf, [6, 3], 0.5)]
      const classes = data.whole(4, 3)
      const target =
        kind === 'numbers'
          ? data.tensor(tf, [4, 3])
          : kind === 'signs'
            ? tf.tensor2d(data.whole(12, 2), [4, 3], 'float32')
            : tf.cast(tf.oneHot(tf.tensor1d(classes, 'int32'), 3), 'float32')
      const y = () =>
        tf.matMul(tf.tanh(tf.matMul(x as TF.Tensor2D, w as TF.Tensor as TF.Tensor2D)), u as TF.Tensor as TF.Tensor2D)
      return { loss: () => tf.mean(f(tf, target, y())) as TF.Scalar, variables: [w, u] }
    },
  }
}

const unary: Case[] = [
  op('exp', (tf, x) => tf.exp(x)),
  op('expm1', (tf, x) => tf.expm1(x)),
  op('log', (tf, x) => tf.log(x), [3, 4], positive),
  op('log1p', (tf, x) => tf.log1p(x), [3, 4], positive),
  op('sqrt', (tf, x) => tf.sqrt(x), [3, 4], positive),
  op('rsqrt', (tf, x) => tf.rsqrt(x), [3, 4], positive),
  op('reciprocal', (tf, x) => tf.reciprocal(x), [3, 4], positive),
  op('square', (tf, x) => tf.square(x)),
  op('pow', (tf, x) => tf.pow(x, 2.5), [3, 4], positive),
  op('abs of a cube', (tf, x) => tf.abs(tf.mul(x, tf.square(x)))),
  op('sin, cos', (tf, x) => tf.mul(tf.sin(x), tf.cos(tf.mul(x, 2)))),
  op('tan', (tf, x) => tf.tan(x), [3, 4], within),
  op('asin, acos', (tf, x) => tf.add(tf.asin(x), tf.mul(2, tf.acos(tf.mul(x, 0.5)))), [3, 4], within),
  op('atan, atan2', (tf, x) => tf.add(tf.atan(x), tf.atan2(x, tf.add(tf.square(x), 1)))),
  op('sinh, cosh', (tf, x) => tf.mul(tf.sinh(x), tf.cosh(x))),
  op(
    'asinh, acosh, atanh',
    (tf, x) => tf.add(tf.asinh(x), tf.add(tf.acosh(x), tf.atanh(tf.reciprocal(x)))),
    [3, 4],
    above,
  ),
  op('tanh', (tf, x) => tf.tanh(x)),
  op('sigmoid', (tf, x) => tf.sigmoid(x)),
  op('logSigmoid', (tf, x) => tf.logSigmoid(x)),
  op('softplus', (tf, x) => tf.softplus(x)),
  op('softmax', (tf, x) => tf.softmax(x)),
  op('logSoftmax', (tf, x) => tf.logSoftmax(x)),
  op('logSumExp', (tf, x) => tf.logSumExp(x, 1)),
  op('elu', (tf, x) => tf.elu(tf.mul(x, x.abs()))),
  op('selu', (tf, x) => tf.selu(tf.mul(x, x.abs()))),
  op('erf', (tf, x) => tf.erf(x)),
  op('leakyRelu, prelu', (tf, x) => tf.square(tf.add(tf.leakyRelu(x), tf.prelu(x, tf.scalar(0.1))))),
  op('relu, relu6', (tf, x) => tf.square(tf.add(tf.relu(x), tf.relu6(tf.mul(x, 4))))),
  op('clipByValue', (tf, x) => tf.square(tf.clipByValue(x, -0.7, 0.9))),
  op('maximum, minimum', (tf, x) => tf.square(tf.add(tf.maximum(x, tf.square(x)), tf.minimum(x, tf.mul(2, x))))),
  op('max, min', (tf, x) => tf.mul(tf.square(tf.max(x, 1)), tf.exp(tf.min(x, 1)))),
  op('mean, div', (tf, x) => tf.div(tf.square(x), tf.add(1, tf.mean(tf.square(x))))),
  op('prod', (tf, x) => tf.exp(tf.prod(x, 1))),
  op('cumsum', (tf, x) => tf.tanh(tf.cumsum(x, 1))),
  op('norm', (tf, x) => tf.norm(x)),
  op('moments', (tf, x) => tf.moments(x, 1).variance),
  op('squaredDifference', (tf, x) => tf.squaredDifference(tf.tanh(x), tf.square(x))),
  op('where, comparisons', (tf, x) =>
    tf.where(tf.logicalAnd(tf.greater(x, -0.5), tf.less(x, 0.6)), tf.exp(x), tf.square(x)),
  ),
  op('slice, concat, reverse', (tf, x) =>
    tf.tanh(tf.concat([tf.reverse(x, 1), tf.slice(tf.square(x), [1, 0], [2, 4])])),
  ),
  op('stack, unstack, split, tile', (tf, x) => {
    const [a, b] = tf.split(tf.square(x), 2, 1) as [TF.Tensor, TF.Tensor]
    return tf.tanh(tf.stack([...tf.unstack(tf.tile(a, [2, 1]), 0), ...tf.unstack(b, 0)]))
  }),
  op('pad, transpose, reshape', (tf, x) =>
    tf.exp(
      tf.reshape(
        tf.transpose(
          tf.pad(tf.square(x), [
            [1, 0],
            [0, 2],
          ]),
        ),
        [-1],
      ),
    ),
  ),
  op('gather', (tf, x) => tf.exp(tf.gather(tf.square(x), tf.tensor1d([2, 0, 2], 'int32'), 1))),
  op('resizeBilinear', (tf, x) => tf.tanh(tf.image.resizeBilinear(tf.square(x) as TF.Tensor3D, [5, 3])), [4, 4, 2]),
]

const activations: Case[] = [
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'hardSigmoid',
  'softmax',
  'softplus',
  'softsign',
  'tanh',
  'swish',
  'mish',
  'gelu',
  'gelu_new',
].map(activation)

const losses: Case[] = [
  loss('layers: categoricalCrossentropy', 'classes', (tf, t, y) =>
    tf.metrics.categoricalCrossentropy(t, tf.softmax(y)),
  ),
  loss('layers: binaryCrossentropy', 'signs', (tf, t, y) => tf.metrics.binaryCrossentropy(t, tf.sigmoid(y))),
  loss('layers: meanSquaredError', 'numbers', (tf, t, y) => tf.metrics.meanSquaredError(t, y)),
  loss('layers: meanAbsoluteError', 'numbers', (tf, t, y) => tf.metrics.meanAbsoluteError(t, y)),
  loss('layers: cosineProximity', 'numbers', (tf, t, y) => tf.metrics.cosineProximity(t, y)),
  loss('softmaxCrossEntropy', 'classes', (tf, t, y) => tf.losses.softmaxCrossEntropy(t, y)),
  loss('softmaxCrossEntropy, smoothed', 'classes', (tf, t, y) => tf.losses.softmaxCrossEntropy(t, y, 1, 0.1)),
  loss('sigmoidCrossEntropy', 'signs', (tf, t, y) => tf.losses.sigmoidCrossEntropy(t, y)),
  loss('huberLoss', 'numbers', (tf, t, y) => tf.losses.huberLoss(t, y)),
  loss('logLoss', 'signs', (tf, t, y) => tf.losses.logLoss(t, tf.sigmoid(y))),
  loss('hingeLoss', 'signs', (tf, t, y) => tf.losses.hingeLoss(t, y)),
  loss('cosineDistance', 'numbers', (tf, t, y) => tf.losses.cosineDistance(t, y, 1)),
]

const models: Case[] = [
  {
    name: 'transformer block, softmax cross-entropy',
    build(tf, data) {
      const [tokens, width, heads] = [4, 6, 2]
      const table = data.variable(tf, [9, width], 0.5)
      const [wq, wk, wv, wo, up, down, out] = [
        [width, width],
        [width, width],
        [width, width],
        [width, width],
        [width, 8],
        [8, width],
        [width, 5],
      ].map((shape) => data.variable(tf, shape, 0.5)) as TF.Variable[]
      const gains = [data.variable(tf, [width], 0.3), data.variable(tf, [width], 0.3)]
      const ids = tf.tensor2d(data.whole(2 * tokens, 9), [2, tokens], 'int32')
      const labels = tf.cast(tf.oneHot(tf.tensor1d(data.whole(2 * tokens, 5), 'int32'), 5), 'float32')
      const times = (x: TF.Tensor, w: TF.Tensor | undefined) => {
        const last = w!.shape[1]!
        return tf.reshape(tf.matMul(tf.reshape(x, [-1, w!.shape[0]!]) as TF.Tensor2D, w as TF.Tensor2D), [
          ...x.shape.slice(0, -1),
          last,
        ])
      }
      const normed = (x: TF.Tensor, gain: TF.Tensor) => {
        const { mean, variance } = tf.moments(x, -1, true)
        return tf.mul(tf.add(1, gain), tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-3))))
      }
      const split = (x: TF.Tensor) => tf.transpose(tf.reshape(x, [2, tokens, heads, width / heads]), [0, 2, 1, 3])
      const gelu = (x: TF.Tensor) => tf.mul(tf.mul(0.5, x), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))))
      const loss = () => {
        const x = tf.gather(table, ids)
        const h = normed(x, gains[0]!)
        const [q, k, v] = [wq, wk, wv].map((w) => split(times(h, w))) as [TF.Tensor, TF.Tensor, TF.Tensor]
        const attention = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width / heads)))
        const mixed = tf.reshape(tf.transpose(tf.matMul(attention, v), [0, 2, 1, 3]), [2, tokens, width])
        const y = tf.add(x, times(mixed, wo))
        const z = tf.add(y, times(gelu(times(normed(y, gains[1]!), up)), down))
        return tf.losses.softmaxCrossEntropy(labels, tf.reshape(times(z, out), [-1, 5])) as TF.Scalar
      }
      return { loss, variables: [table, wq!, wk!, wv!, wo!, up!, down!, out!, ...gains] }
    },
  },
  {
    name: 'graph net, gather and unsortedSegmentSum',
    build(tf, data) {
      const [from, to] = [data.whole(12, 6), data.whole(12, 6)].map((ids) => tf.tensor1d(ids, 'int32')) as [
        TF.Tensor1D,
        TF.Tensor1D,
      ]
      const [x, w, u] = [data.tensor(tf, [6, 4]), data.variable(tf, [4, 5], 0.5), data.variable(tf, [5, 2], 0.5)]
      const hop = (h: TF.Tensor) => tf.unsortedSegmentSum(tf.gather(h, from), to, 6)
      const loss = () => {
        const h = tf.tanh(hop(tf.matMul(x as TF.Tensor2D, w as TF.Tensor as TF.Tensor2D)))
        return tf.mean(
          tf.square(tf.sigmoid(hop(tf.matMul(h as TF.Tensor2D, u as TF.Tensor as TF.Tensor2D)))),
        ) as TF.Scalar
      }
      return { loss, variables: [w, u] }
    },
  },
  {
    name: 'graph net, dense adjacency',
    build(tf, data) {
      const adjacency = tf.tensor2d(data.whole(36, 2), [6, 6], 'float32')
      const [x, w, u] = [data.tensor(tf, [6, 4]), data.variable(tf, [4, 5], 0.5), data.variable(tf, [5, 2], 0.5)]
      const loss = () => {
        const h = tf.tanh(tf.matMul(adjacency, tf.matMul(x as TF.Tensor2D, w as TF.Tensor as TF.Tensor2D)))
        const y = tf.matMul(adjacency, tf.matMul(h as TF.Tensor2D, u as TF.Tensor as TF.Tensor2D))
        return tf.losses.sigmoidCrossEntropy(tf.onesLike(y), y) as TF.Scalar
      }
      return { loss, variables: [w, u] }
    },
  },
  net(
    'conv, batchNorm, pool, dense, softmax',
    [8, 8, 1],
    (tf, x) => {
      const h = tf.layers
        .batchNormalization({})
        .apply(tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }).apply(x))
      const p = flat(tf, tf.layers.maxPooling2d({ poolSize: 2 }).apply(h))
      return tf.layers.dense({ units: 3, activation: 'softmax' }).apply(p) as TF.SymbolicTensor
    },
    { training: true },
  ),
  {
    name: 'matrix products, each transposed',
    build(tf, data) {
      const [a, b, c] = [data.variable(tf, [4, 3]), data.variable(tf, [4, 5]), data.variable(tf, [2, 5])]
      const loss = () => {
        const ab = tf.matMul(a as TF.Tensor as TF.Tensor2D, tf.tanh(b as TF.Tensor as TF.Tensor2D), true)
        return tf.sum(tf.exp(tf.mul(0.1, tf.matMul(ab, c as TF.Tensor as TF.Tensor2D, false, true)))) as TF.Scalar
      }
      return { loss, variables: [a, b, c] }
    },
  },
]

/** Every row of the table. */
export const cases: readonly Case[] = [...unary, ...activations, ...losses, ...layers, ...models]
