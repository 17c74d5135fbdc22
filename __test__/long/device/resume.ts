// Trains in two parts, the second by a fresh optimizer from the state of the first, and prints the bits of what came out.
// The arguments are the devices of the parts.
import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs'
import { adam, adamw, type Device, type FlatOptimizer, lion, nso, oneSided, rmsprop, sam } from '../../../src/index.ts'

await tf.setBackend('cpu')
const [first, second] = process.argv.slice(2) as [Device, Device]

const kinds: Record<string, (device: Device) => FlatOptimizer> = {
  'nso(adamw), k = 2': (device) =>
    nso(adamw({ learningRate: 0.05 }), { sigma: 0.1, perturbations: 2, seed: 1, device }),
  'nso(amsgrad), a distance and half an update': (device) =>
    nso(adam({ amsgrad: true, distance: 0.1, accumulation: 2 }), { sigma: 0.1, seed: 2, device }),
  'one-sided(rmsprop)': (device) =>
    oneSided(rmsprop({ centered: true, momentum: 0.5 }), { sigma: 0.1, mixing: 0.2, seed: 3, device }),
  'sam(lion)': (device) => sam(lion(), { seed: 4, device }),
  'adam, clipped': (device) => adam({ clipNorm: 0.1, seed: 5, device }),
  'nso on tf.train.momentum': (device) => nso(tf.train.momentum(0.05, 0.9), { sigma: 0.1, seed: 6, device }),
}

const found: Record<string, unknown> = {}
for (const [kind, make] of Object.entries(kinds)) {
  const w = [3, 70, 5000].map((size) => tf.tidy(() => tf.variable(tf.randomNormal([size], 0, 1, 'float32', size))))
  const square = (one: tf.Tensor) => tf.mean(tf.square(tf.sub(tf.square(one), 1)))
  const loss = () => tf.tidy(() => tf.addN(w.map(square)) as tf.Scalar)
  const steps = (optimizer: FlatOptimizer, count: number) => {
    for (let i = 0; i < count; i++) optimizer.minimize(loss, false, w)
  }
  const before = make(first)
  steps(before, 5)
  const after = make(second)
  await after.setWeights(await before.getWeights())
  const devices = [before.memory!.device]
  before.dispose()
  steps(after, 5)
  devices.push(after.memory!.device)
  const bits = createHash('sha256')
  for (const one of w) bits.update(new Uint8Array((one.dataSync() as Float32Array).slice().buffer))
  for (const { tensor } of await after.getWeights()) bits.update(new Uint8Array((await tensor.data()).slice().buffer))
  after.dispose()
  if (devices.join() !== [first, second].join()) throw new Error(`Trained on ${devices}.`)
  found[kind] = bits.digest('hex')
}
console.log(JSON.stringify(found))
