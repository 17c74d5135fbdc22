// A training job that can be killed at any moment and started again by the same command: it goes on from its newest
// checkpoint, and ends with the bits of a run that nobody interrupted.
// Expected: without flags the job is broken off half-way, started again, and compared with an uninterrupted one: "the same
// weights". With `--dir FOLDER` it is the job alone: press Ctrl-C, and run it again. About 5 s on the cpu backend, and as
// long as the disk takes to sync 80 checkpoints, one an epoch. Runs offline: npm run example -- resume
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { adam, checkpoint, cosine, nso, resume, shuffled } from 'saltflat'

const { values } = parseArgs({ options: { dir: { type: 'string' }, smoke: { type: 'boolean', default: false } } })
const epochs = values.smoke ? 4 : 40

await tf.setBackend('cpu')

/** The job: everything in it is a function of its seeds. */
async function job(dir: string, until: number): Promise<string> {
  const x = tf.randomNormal([200, 8], 0, 1, 'float32', 1)
  const y = tf.tidy(() => x.slice([0, 0], [200, 2]).prod(1, true).greater(0).toFloat())
  const dense = (units: number, seed: number, rest: object) =>
    tf.layers.dense({ units, kernelInitializer: tf.initializers.glorotUniform({ seed }), ...rest })
  const model = tf.sequential({
    layers: [dense(32, 1, { inputShape: [8], activation: 'tanh' }), dense(1, 2, { activation: 'sigmoid' })],
  })
  const learningRate = cosine({ initial: 0.02, steps: 7 * epochs })
  model.compile({ optimizer: nso(adam({ learningRate }), { sigma: 0.05, seed: 7 }), loss: 'binaryCrossentropy' })

  const { initialEpoch } = await resume(model, dir)
  console.log(initialEpoch === 0 ? 'begins' : `goes on after epoch ${initialEpoch}`)
  const report = {
    onEpochEnd: async (epoch: number, logs?: tf.Logs) => {
      if ((epoch + 1) % (epochs / 4) === 0) console.log(`  epoch ${epoch + 1}   loss ${logs?.loss?.toFixed(4)}`)
    },
  }
  const callbacks = [shuffled({ seed: 7 }), new tf.CustomCallback(report), checkpoint({ dir })]
  await model.fit(x, y, { epochs: until, initialEpoch, callbacks, verbose: 0 })
  return JSON.stringify(model.getWeights().map((weight) => weight.arraySync()))
}

if (values.dir !== undefined) {
  await job(values.dir, epochs)
} else {
  const folder = mkdtempSync(join(tmpdir(), 'saltflat-resume-'))
  try {
    await job(join(folder, 'interrupted'), epochs / 2)
    const interrupted = await job(join(folder, 'interrupted'), epochs)
    const whole = await job(join(folder, 'whole'), epochs)
    console.log(interrupted === whole ? 'the same weights' : 'other weights')
  } finally {
    rmSync(folder, { recursive: true })
  }
}
