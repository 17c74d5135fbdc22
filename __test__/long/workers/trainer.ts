import { createHash } from 'node:crypto'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { adamw, type FlatOptimizer, nso } from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { random, start } from '../../helpers/training.ts'

// What a thread does: it trains a model with its own tfjs, and says what its weights have become.

/** A job of some steps; of endless ones it says when each has been taken. */
export interface Work {
  readonly backend: string
  readonly steps: number
}

/** A model large enough for the helper threads of a pass. */
function job(): { model: tf.LayersModel; optimizer: FlatOptimizer } {
  const optimizer = nso(adamw({ learningRate: 0.01 }), { sigma: 0.01, perturbations: 2, seed: 5 })
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 300, activation: 'tanh', inputShape: [200], kernelInitializer: start(1) }),
      tf.layers.batchNormalization(),
      tf.layers.dropout({ rate: 0.2 }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  return { model, optimizer }
}

/** Trains, and returns a digest of weights and state. */
export async function train({ backend, steps }: Work, taken: () => void = () => {}): Promise<string> {
  await tf.setBackend(backend)
  await tf.ready()
  const { model, optimizer } = job()
  const [x, y] = [random([16, 200], 3), random([16, 1], 4)]
  for (let step = 0; step < steps; step++) {
    await model.trainOnBatch(x, y)
    taken()
  }
  const digest = createHash('sha256')
  for (const one of [...model.getWeights(), ...(await optimizer.getWeights()).map(({ tensor }) => tensor)]) {
    digest.update(Buffer.from(one.dataSync().slice().buffer as ArrayBuffer))
  }
  optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
  return digest.digest('hex')
}

if (!isMainThread) {
  const port = parentPort!
  // Port messages of an endless job are about where it stands, that of another one is its digest.
  const work = workerData as Work
  const endless = work.steps === Number.POSITIVE_INFINITY
  port.postMessage(await train(work, () => endless && port.postMessage('step')))
}
