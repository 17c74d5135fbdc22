import test from 'ava'
import { reestimateBatchNorm } from '../../src/grads/re-estimate.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'

function normed(): tf.Sequential {
  const inner = tf.sequential({ layers: [tf.layers.batchNormalization({ inputShape: [3], momentum: 0.9 })] })
  return tf.sequential({ layers: [inner, tf.layers.dense({ units: 2 })] })
}

onEachBackend(test, 'moving statistics become averages over the batches, weighted by size', (t) => {
  const model = normed()
  const x = tf.randomNormal([10, 3], 5, 2, 'float32', 3)
  t.is(reestimateBatchNorm(model, x, { batchSize: 4 }), 1)
  const expected = tf.tidy(() => {
    const parts = tf.split(x, [4, 4, 2]).map((part) => tf.moments(part, 0))
    const weighted = (kind: 'mean' | 'variance') =>
      parts.reduce((sum, part, i) => tf.add(sum, tf.mul(part[kind], [0.4, 0.4, 0.2][i]!)), tf.zeros([3]) as tf.Tensor)
    return [...weighted('mean').dataSync(), ...weighted('variance').dataSync()]
  })
  const got = model
    .getWeights()
    .slice(-2)
    .flatMap((weight) => [...weight.dataSync()])
  for (const [i, value] of got.entries()) t.true(Math.abs(value - expected[i]!) < 1e-4 * (1 + Math.abs(expected[i]!)))
  t.is((model.layers[0] as unknown as tf.Sequential).layers[0]!.getConfig().momentum, 0.9)
  x.dispose()
  model.dispose()
})

onEachBackend(test, 'the passes run on the kernels that training runs on', (t) => {
  // Stock wasm pools what is negative to 0.
  const model = tf.sequential({
    layers: [
      tf.layers.maxPooling3d({ inputShape: [2, 2, 2, 1], poolSize: 2 }),
      tf.layers.flatten(), // tfjs normalizes no volumes in training
      tf.layers.batchNormalization({ momentum: 0.9 }),
    ],
  })
  const x = tf.fill([4, 2, 2, 2, 1], -2)
  reestimateBatchNorm(model, x)
  const [mean, variance] = model.getWeights().slice(-2)
  t.deepEqual([...mean!.dataSync(), ...variance!.dataSync()], [-2, 0])
  x.dispose()
  model.dispose()
})

onEachBackend(test, 'a failure leaves the statistics as they were', (t) => {
  const model = normed()
  const before = model.getWeights().map(bits)
  const x = tf.ones([6, 4])
  t.throws(() => reestimateBatchNorm(model, x, { batchSize: 2 }))
  const empty = tf.zeros([0, 3])
  t.throws(() => reestimateBatchNorm(model, empty), { code: 'ERR_EMPTY' })
  t.throws(() => reestimateBatchNorm(model, x, { batchSize: 0 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.deepEqual(model.getWeights().map(bits), before)
  tf.dispose([x, empty])
  model.dispose()
})
