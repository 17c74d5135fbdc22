// Trains on the GPU and prints the bytes that are held meanwhile and afterwards, by dispose and by the garbage collector.
import { setTimeout } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs'
import { adam, nso } from '../../../src/index.ts'
import { loadBinding } from '../../../src/native/index.ts'

const { deviceBytes, nativeBytes } = loadBinding()
const size = 10_000
await tf.setBackend('cpu')
const w = tf.variable(tf.zeros([size]))
const loss = () => tf.tidy(() => tf.mean(tf.square(tf.sub(w, 1))) as tf.Scalar)
const held = () => [deviceBytes(), nativeBytes()] as const

function trained() {
  const optimizer = nso(adam(), { sigma: 0.1, seed: 1, device: 'cuda' })
  optimizer.minimize(loss, false, [w])
  return optimizer
}

const before = held()
const rounds: unknown[] = []
for (let round = 0; round < 20; round++) {
  const optimizer = trained()
  const { bytes, deviceBytes: onDevice } = optimizer.memory!
  const meanwhile = held()
  optimizer.dispose()
  rounds.push({
    agree: meanwhile[0] === onDevice && meanwhile[1] === bytes,
    vectors: onDevice / (4 * size),
    after: held(),
  })
}
trained()
const forgotten = held()
for (let turn = 0; turn < 50 && deviceBytes() > 0; turn++) {
  global.gc!()
  await setTimeout(10)
}
console.log(JSON.stringify({ before, rounds, forgotten, after: held() }))
