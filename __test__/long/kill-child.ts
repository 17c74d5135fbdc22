// A program that is killed and started again, for kill.spec.ts: goes on from its newest checkpoint, trains to the end,
// prints what came of it.
import { checkpoint, resume, saveCheckpoint, shuffled, shuffledBatches } from '../../src/index.ts'
import { tf } from '../helpers/backends.ts'
import { fingerprint, network, optimizerOf, optimizers } from '../helpers/resume.ts'
import { random } from '../helpers/training.ts'

const [backend = '', how = '', dir = ''] = process.argv.slice(2)
await tf.setBackend(backend)
const model = network(optimizers['nso on adam']!())
const [x, y] = [random([6, 3], 1), random([6, 1], 2)]
const [epochs, batchSize, seed] = [30, 4, 5]
const from = await resume(model, dir)
const { initialEpoch, startBatch } = from
const data = shuffledBatches(x, y, { batchSize, seed, from })

const ways: Record<string, () => Promise<unknown>> = {
  fit() {
    const callbacks = [shuffled({ seed }), checkpoint({ dir })]
    return model.fit(x, y, { batchSize, epochs, initialEpoch, verbose: 0, callbacks })
  },
  fitDataset() {
    const callbacks = checkpoint({ dir, every: { steps: 1 }, from })
    return model.fitDataset(data, { epochs, initialEpoch, verbose: 0, callbacks })
  },
  async loop() {
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
    for (let step = initialEpoch * data.size + startBatch; step < epochs * data.size; ) {
      for (const { xs, ys } of data.epoch(Math.floor(step / data.size), step % data.size)) {
        const loss = () => tf.losses.meanSquaredError(ys, model.apply(xs, { training: true }) as tf.Tensor) as tf.Scalar
        optimizerOf(model).minimize(() => tf.tidy(loss), false, variables)
        step++
        await saveCheckpoint(model, { dir, epoch: Math.floor(step / data.size), batch: step % data.size })
      }
    }
  },
}

console.log('begins')
await ways[how]!()
console.log(await fingerprint(model))
