// What the examples of doc comments speak of without saying it: a small model that is compiled, and its data.
import * as tf from '@tensorflow/tfjs'
import { adam, type FlatOptimizer, nso, type ShuffledBatches, shuffledBatches } from 'saltflat'

await tf.setBackend('cpu')

export const x: tf.Tensor2D = tf.randomNormal([32, 4], 0, 1, 'float32', 1)
export const y: tf.Tensor2D = tf
  .oneHot(tf.range(0, 32, 1, 'int32').mod(tf.scalar(3, 'int32')), 3)
  .toFloat() as tf.Tensor2D
export const model: tf.Sequential = tf.sequential({
  layers: [
    tf.layers.dense({
      units: 8,
      activation: 'relu',
      inputShape: [4],
      kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
    }),
    tf.layers.batchNormalization(),
    tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: tf.initializers.glorotUniform({ seed: 2 }) }),
  ],
})
model.compile({ optimizer: nso(adam(), { seed: 7 }), loss: 'categoricalCrossentropy' })

// What fit prints is no part of an example.
const [train, trainDataset] = [model.fit.bind(model), model.fitDataset.bind(model)]
model.fit = (inputs, targets, options) => train(inputs, targets, { verbose: 0, ...options })
model.fitDataset = (data, options) => trainDataset(data, { verbose: 0, ...options })

export const variables: tf.Variable[] = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
export const loss = (): tf.Scalar =>
  tf.tidy(() => tf.metrics.categoricalCrossentropy(y, model.apply(x) as tf.Tensor).mean() as tf.Scalar)
/** W as a plain array. */
export const weights: Float32Array = Float32Array.of(1, 2, 3)
/** A run that begins, and what its loop has. */
export const initialEpoch = 0
export const step = 5
export const optimizer: FlatOptimizer = nso(adam(), { seed: 7 })
export const data: ShuffledBatches<tf.Tensor2D, tf.Tensor2D> = shuffledBatches(x, y, { seed: 7 })
