// Trains 100 steps and prints the bits of what came out, or the error, as JSON. SALTFLAT_DEVICE says where.
import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs'
import { adamw, nso, SaltflatError } from '../../src/index.ts'

await tf.setBackend('cpu')
const x = tf.tensor2d(
  Array.from({ length: 64 * 5 }, (_, i) => Math.sin(i)),
  [64, 5],
)
const y = tf.tensor2d(
  Array.from({ length: 64 }, (_, i) => Math.cos(i)),
  [64, 1],
)
const model = tf.sequential({
  layers: [
    tf.layers.dense({
      units: 70,
      inputShape: [5],
      activation: 'tanh',
      kernelInitializer: tf.initializers.glorotUniform({ seed: 3 }),
    }),
    tf.layers.dense({ units: 1, kernelInitializer: tf.initializers.glorotUniform({ seed: 4 }) }),
  ],
})
try {
  const base = adamw({ learningRate: 1e-2, weightDecay: 0.01 })
  const optimizer = nso(base, { sigma: 0.02, perturbations: 2, seed: 7 })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const { history } = await model.fit(x, y, { epochs: 25, batchSize: 16, shuffle: false, verbose: 0 })
  const bits = createHash('sha256')
  for (const weight of model.getWeights()) bits.update(new Uint8Array((weight.dataSync() as Float32Array).buffer))
  console.log(JSON.stringify({ weights: bits.digest('hex'), loss: history.loss }))
} catch (error) {
  console.log(JSON.stringify({ code: error instanceof SaltflatError ? error.code : String(error) }))
}
