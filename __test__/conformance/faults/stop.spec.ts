import test from 'ava'
import { abortable } from '../../../src/index.ts'
import { onEachBackend, type tf } from '../../helpers/backends.ts'
import { type Fault, Job } from './job.ts'

// What stops training without a fault, in whichever pass it happens: the step is taken whole, and it is the last one.

const ways: [string, (job: Job, stop: AbortController) => void, string | undefined][] = [
  [
    'model.stopTraining',
    ({ model }) => {
      // A Sequential trains a model of its own inside.
      const inner = (model as unknown as { model?: tf.LayersModel }).model ?? model
      inner.stopTraining = true
    },
    undefined,
  ],
  ['an AbortSignal', (_, stop) => stop.abort(), 'ERR_ABORTED'],
]

for (const perturbations of [1, 2]) {
  for (const [name, act, code] of ways) {
    onEachBackend(test, `${name} in any pass of k = ${perturbations} leaves a whole step`, async (t) => {
      const twin = new Job(perturbations)
      await twin.model.trainOnBatch(twin.x, twin.y)
      for (let pass = 0; pass < 2 * perturbations; pass++) {
        const [job, stop] = [new Job(perturbations), new AbortController()]
        const spoil: Fault['spoil'] = (loss) => {
          act(job, stop)
          return loss
        }
        job.ready(pass, { name, code: '', place: 'loss', spoil })
        const callbacks = abortable(stop.signal)
        const run = job.model.fit(job.x, job.y, { batchSize: 8, epochs: 9, shuffle: false, verbose: 0, callbacks })
        if (code === undefined) await t.notThrowsAsync(run)
        else await t.throwsAsync(run, { code })
        t.is(job.optimizer.iterations, 1)
        t.deepEqual(await job.state(), await twin.state(), `pass ${pass}`)
        job.dispose()
      }
      twin.dispose()
    })
  }
}
