// Trains on the GPU and prints the bytes that are held meanwhile and afterwards, by dispose and by the garbage collector.
import { setTimeout } from 'node:timers/promises'
import { adam, minimize, nso } from '../../../src/index.ts'
import { loadBinding } from '../../../src/native/index.ts'

const { deviceBytes, nativeBytes } = loadBinding()
const size = 10_000
const held = () => [deviceBytes(), nativeBytes()] as const

async function trained() {
  const optimizer = nso(adam(), { sigma: 0.1, seed: 1, device: 'cuda' })
  // f(x) = ‖x‖²/2
  const gradient = (x: Float32Array) => ({ loss: 0, gradient: x.slice() })
  await minimize(gradient, new Float32Array(size).fill(1), optimizer, { steps: 2 })
  return optimizer
}

const before = held()
const rounds: unknown[] = []
for (let round = 0; round < 20; round++) {
  const optimizer = await trained()
  const { bytes, deviceBytes: onDevice } = optimizer.memory!
  const meanwhile = held()
  optimizer.dispose()
  const agree = meanwhile[0] === onDevice && meanwhile[1] === bytes
  rounds.push({ agree, onHost: bytes / (4 * size), onDevice: onDevice / (4 * size), after: held() })
}
await trained()
const forgotten = held()
for (let turn = 0; turn < 50 && deviceBytes() > 0; turn++) {
  global.gc!()
  await setTimeout(10)
}
console.log(JSON.stringify({ before, rounds, forgotten, after: held() }))
