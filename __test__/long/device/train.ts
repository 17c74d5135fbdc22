// Trains 100 steps and prints the bits of what came out, or the error, as JSON. The argument is the option `device`;
// SALTFLAT_DEVICE overrides it.
import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs'
import { adamw, type Device, type FlatOptimizer, nso, SaltflatError } from '../../../src/index.ts'
import { loadBinding } from '../../../src/native/index.ts'

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
const bits = () => {
  const hash = createHash('sha256')
  for (const weight of model.getWeights()) hash.update(new Uint8Array((weight.dataSync() as Float32Array).buffer))
  return hash.digest('hex')
}
const before = bits()
let optimizer: FlatOptimizer | undefined
try {
  const base = adamw({ learningRate: 1e-2, weightDecay: 0.01, device: process.argv[2] as Device })
  optimizer = nso(base, { sigma: 0.02, perturbations: 2, seed: 7 })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const { history } = await model.fit(x, y, { epochs: 25, batchSize: 16, shuffle: false, verbose: 0 })
  const { device, deviceBytes } = optimizer.memory!
  if (deviceBytes > 0 !== (device === 'cuda')) throw new Error(`${deviceBytes} bytes on ${device}`)
  console.log(JSON.stringify({ device, weights: bits(), loss: history.loss }))
} catch (error) {
  const { code, message } = error instanceof SaltflatError ? error : { code: String(error), message: '' }
  optimizer?.dispose()
  const left = loadBinding().deviceBytes() + loadBinding().nativeBytes()
  console.log(JSON.stringify({ code, message, changed: bits() !== before, left }))
}
