import type * as TF from '@tensorflow/tfjs'
import type { Case, Tf } from './case.ts'
import { flat, net } from './net.ts'

function layer(name: string, inputs: number[] | number[][], make: (tf: Tf) => { apply(x: unknown): unknown }): Case {
  return net(name, inputs, (tf, ...x) => {
    const out = make(tf).apply(x.length === 1 ? x[0] : x) as TF.SymbolicTensor
    return out.shape.length > 2 ? (tf.layers.flatten().apply(out) as TF.SymbolicTensor) : out
  })
}

/** Each kind of layer of tfjs-layers. */
export const layers: readonly Case[] = [
  layer('dense, linear', [5], (tf) => tf.layers.dense({ units: 3 })),
  net('conv1d', [8, 2], (tf, x) => {
    const h = tf.layers.conv1d({ filters: 3, kernelSize: 3, activation: 'tanh' }).apply(x)
    return tf.layers.dense({ units: 2 }).apply(flat(tf, h)) as TF.SymbolicTensor
  }),
  net('conv2d, conv2d', [6, 6, 2], (tf, x) => {
    const h = tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'tanh' }).apply(x)
    return flat(tf, tf.layers.conv2d({ filters: 2, kernelSize: 3 }).apply(h))
  }),
  net('conv2d, strided', [7, 7, 2], (tf, x) => {
    const h = tf.layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh' }).apply(x)
    return flat(tf, tf.layers.conv2d({ filters: 2, kernelSize: 2, strides: 2 }).apply(h))
  }),
  net('conv2dTranspose', [4, 4, 2], (tf, x) => {
    const h = tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, activation: 'tanh' }).apply(x)
    return flat(tf, tf.layers.conv2d({ filters: 2, kernelSize: 3 }).apply(h))
  }),
  net('depthwiseConv2d', [6, 6, 2], (tf, x) => {
    const h = tf.layers
      .depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'tanh' })
      .apply(x)
    return flat(tf, tf.layers.depthwiseConv2d({ kernelSize: 3 }).apply(h))
  }),
  net('separableConv2d', [6, 6, 2], (tf, x) => {
    const h = tf.layers.separableConv2d({ filters: 3, kernelSize: 3, activation: 'tanh' }).apply(x)
    return flat(tf, tf.layers.separableConv2d({ filters: 2, kernelSize: 3, strides: 1 }).apply(h))
  }),
  net('conv3d', [4, 4, 4, 1], (tf, x) => {
    const h = tf.layers.conv3d({ filters: 2, kernelSize: 2, activation: 'tanh' }).apply(x)
    return flat(tf, tf.layers.conv3d({ filters: 2, kernelSize: 2 }).apply(h))
  }),
  net('conv3dTranspose', [3, 3, 3, 1], (tf, x) => {
    const h = tf.layers.conv3dTranspose({ filters: 2, kernelSize: 2, strides: 1, activation: 'tanh' }).apply(x)
    return flat(tf, tf.layers.conv3d({ filters: 2, kernelSize: 2 }).apply(h))
  }),
  ...pooled('maxPooling2d', (tf) => tf.layers.maxPooling2d({ poolSize: 2 })),
  ...pooled('maxPooling2d, overlapping, same', (tf) =>
    tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
  ),
  ...pooled('averagePooling2d', (tf) => tf.layers.averagePooling2d({ poolSize: 2 })),
  ...pooled('averagePooling2d, overlapping, same', (tf) =>
    tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
  ),
  ...pooled('globalMaxPooling2d', (tf) => tf.layers.globalMaxPooling2d({})),
  ...pooled('globalAveragePooling2d', (tf) => tf.layers.globalAveragePooling2d({})),
  ...pooled('upSampling2d, bilinear', (tf) => tf.layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' })),
  ...pooled('upSampling2d, nearest', (tf) => tf.layers.upSampling2d({ size: [2, 2] })),
  ...pooled('zeroPadding2d, cropping2d', (tf) => ({
    apply: (x: unknown) =>
      tf.layers
        .cropping2D({
          cropping: [
            [1, 0],
            [2, 1],
          ],
        })
        .apply(tf.layers.zeroPadding2d({ padding: 2 }).apply(x as TF.SymbolicTensor)),
  })),
  ...pooled('batchNormalization', (tf) => tf.layers.batchNormalization({})),
  ...pooled('batchNormalization, training', (tf) => tf.layers.batchNormalization({}), true),
  ...pooled('layerNormalization', (tf) => tf.layers.layerNormalization({})),
  net('maxPooling3d, averagePooling3d', [4, 4, 4, 1], (tf, x) => {
    const h = tf.layers.conv3d({ filters: 2, kernelSize: 1, activation: 'tanh' }).apply(x)
    const parts = [tf.layers.maxPooling3d({ poolSize: [2, 2, 2] }), tf.layers.averagePooling3d({ poolSize: [2, 2, 2] })]
    return flat(tf, tf.layers.multiply().apply(parts.map((one) => one.apply(h)) as TF.SymbolicTensor[]))
  }),
  net('maxPooling1d, averagePooling1d', [8, 2], (tf, x) => {
    const h = tf.layers.conv1d({ filters: 3, kernelSize: 3, activation: 'tanh' }).apply(x)
    const parts = [tf.layers.maxPooling1d({ poolSize: 2 }), tf.layers.averagePooling1d({ poolSize: 2 })]
    return flat(tf, tf.layers.multiply().apply(parts.map((one) => one.apply(h)) as TF.SymbolicTensor[]))
  }),
  net('leakyReLU, prelu, elu layers', [5], (tf, x) => {
    const h = tf.layers.leakyReLU().apply(tf.layers.dense({ units: 6 }).apply(x))
    const p = tf.layers.prelu().apply(tf.layers.dense({ units: 6 }).apply(h))
    return tf.layers.dense({ units: 3 }).apply(tf.layers.elu().apply(p)) as TF.SymbolicTensor
  }),
  net('merges: add, multiply, average, maximum, minimum, concatenate', [[4], [4]], (tf, a, b) => {
    const [p, q] = [a, b].map(
      (one) => tf.layers.dense({ units: 4, activation: 'tanh' }).apply(one!) as TF.SymbolicTensor,
    ) as [TF.SymbolicTensor, TF.SymbolicTensor]
    const merged = ['add', 'multiply', 'average', 'maximum', 'minimum'].map((kind) =>
      (tf.layers as never as Record<string, () => { apply(x: unknown): TF.SymbolicTensor }>)[kind]!().apply([p, q]),
    )
    return tf.layers.dense({ units: 2 }).apply(tf.layers.concatenate().apply(merged)) as TF.SymbolicTensor
  }),
  net('dot', [[4], [4]], (tf, a, b) => {
    const both = [a, b].map((one) => tf.layers.dense({ units: 4, activation: 'tanh' }).apply(one!) as TF.SymbolicTensor)
    return tf.layers.dot({ axes: 1 }).apply(both) as TF.SymbolicTensor
  }),
  net(
    'embedding',
    [5],
    (tf, x) => {
      const h = tf.layers.embedding({ inputDim: 7, outputDim: 3 }).apply(x)
      return tf.layers.dense({ units: 2, activation: 'tanh' }).apply(flat(tf, h)) as TF.SymbolicTensor
    },
    { input: (tf, data, shape) => tf.tensor(data.whole(shape[0]! * shape[1]!, 7), shape, 'int32') },
  ),
  ...(['simpleRNN', 'lstm', 'gru'] as const).map((kind) =>
    net(
      kind,
      [4, 3],
      (tf, x) => tf.layers.dense({ units: 2 }).apply(recurrent(tf, kind).apply(x)) as TF.SymbolicTensor,
    ),
  ),
  net('bidirectional, timeDistributed', [4, 3], (tf, x) => {
    const h = tf.layers.bidirectional({ layer: recurrent(tf, 'gru', true) as never, mergeMode: 'concat' }).apply(x)
    return flat(tf, tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 2 }) }).apply(h))
  }),
]

function recurrent(tf: Tf, kind: 'simpleRNN' | 'lstm' | 'gru', returnSequences = false) {
  const options = { units: 3, returnSequences }
  return kind === 'gru'
    ? tf.layers.gru(options)
    : kind === 'lstm'
      ? tf.layers.lstm(options)
      : tf.layers.simpleRNN(options)
}

/** A convolution before and one after, so that second derivatives go through. */
function pooled(name: string, make: (tf: Tf) => { apply(x: unknown): unknown }, training = false): Case[] {
  return [
    net(
      name,
      [6, 6, 2],
      (tf, x) => {
        const h = make(tf).apply(
          tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'tanh' }).apply(x),
        ) as TF.SymbolicTensor
        const rest = h.shape.length > 2 ? flat(tf, h) : h
        return tf.layers.dense({ units: 2, activation: 'tanh' }).apply(rest) as TF.SymbolicTensor
      },
      { training },
    ),
  ]
}
