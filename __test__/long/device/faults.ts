// Lets every call of the driver fail in its turn, once or for good, and prints what came of it: for each the code of the
// error, and what of "the weights are as they were", "nothing is left" and "the next step works" does not hold.
import * as tf from '@tensorflow/tfjs'
import { adamw, type FlatOptimizer, nso, SaltflatError } from '../../../src/index.ts'
import { loadBinding } from '../../../src/native/index.ts'

const { deviceBytes } = loadBinding()
await tf.setBackend('cpu')

class Job {
  readonly w = tf.tidy(() => tf.variable(tf.randomNormal([5000], 0, 1, 'float32', 1)))
  readonly optimizer: FlatOptimizer = nso(adamw({ learningRate: 0.05 }), { sigma: 0.1, seed: 1, device: 'cuda' })

  step(): void {
    this.optimizer.minimize(() => tf.tidy(() => tf.mean(tf.square(this.w)) as tf.Scalar), false, [this.w])
  }

  bits(): string {
    return Buffer.from((this.w.dataSync() as Float32Array).slice().buffer).toString('base64')
  }

  dispose(): void {
    this.optimizer.dispose()
    this.w.dispose()
  }
}

/** What a step with this fault in the driver throws, and what is wrong then; null where it comes through. */
function failed(fault: string, begun: boolean): { code: string; torn: boolean; wrong: string[] } | null {
  const job = new Job()
  const wrong: string[] = []
  if (begun) job.step()
  const before = job.bits()
  process.env.SALTFLAT_FAKE_CUDA = fault
  try {
    job.step()
    return null
  } catch (error) {
    const { code, message } = error instanceof SaltflatError ? error : { code: String(error), message: '' }
    if (job.bits() !== before) wrong.push('the weights have changed')
    if (!/Expected|failed|allocate/.test(message)) wrong.push(`it says nothing: ${message}`)
    process.env.SALTFLAT_FAKE_CUDA = ''
    const torn = message.includes('of this one')
    const then = thrown(() => job.step())
    if (then !== (torn ? 'ERR_PANIC' : null)) wrong.push(`the next step: ${then}`)
    return { code, torn, wrong }
  } finally {
    process.env.SALTFLAT_FAKE_CUDA = ''
    job.dispose()
    if (deviceBytes() !== 0) wrong.push(`left: ${deviceBytes()} bytes`)
  }
}

function thrown(f: () => void): string | null {
  try {
    f()
    return null
  } catch (error) {
    return error instanceof SaltflatError ? error.code : String(error)
  }
}

const found: object[] = []
for (const what of ['fail-alloc', 'fail-launch', 'fail-copy', 'fail-sync']) {
  for (const sticky of what === 'fail-alloc' ? [0] : [0, 1]) {
    for (let time = 0; ; time++) {
      const result = failed(`${what}=${time},sticky=${sticky}`, what !== 'fail-alloc')
      if (result === null) break
      found.push({ what, sticky, time, ...result })
    }
  }
}
console.log(JSON.stringify(found))
