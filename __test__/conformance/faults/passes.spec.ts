import test from 'ava'
import { SaltflatError } from '../../../src/index.ts'
import { onEachBackend, tf } from '../../helpers/backends.ts'
import { entries, failing, faults, globals, Job } from './job.ts'

// Whatever goes wrong in whichever pass of a step, by whichever way it was entered: nothing has changed, and the next
// step is the one that would have been taken.

for (const perturbations of [1, 2]) {
  for (const { name, step, left } of entries) {
    // A loop of one's own has no metrics.
    const possible = faults.filter(({ place }) => name !== 'minimize' || place !== 'metric')
    for (const fault of possible) {
      onEachBackend(test, `${name}, k = ${perturbations}: ${fault.name}, at each pass`, async (t) => {
        const [job, twin] = [new Job(perturbations), new Job(perturbations)]
        for (const one of [job, twin]) await step(one)
        const before = await job.state()
        const around = globals(job)
        const { numTensors, numBytes } = tf.memory()
        for (let bad = 0; bad < 2 * perturbations; bad++) {
          job.ready(bad, fault)
          const { error, left: found } = await failing(() => step(job))
          t.true(error instanceof SaltflatError, `pass ${bad}: ${(error as Error)?.stack}`)
          t.is((error as SaltflatError).code, fault.code as never, `pass ${bad}: ${(error as Error).message}`)
          t.deepEqual(found, left as number[][], `pass ${bad}`)
          t.deepEqual(await job.state(), before, `pass ${bad}`)
          t.deepEqual(globals(job), around, `pass ${bad}`)
        }
        const { numTensors: tensors, numBytes: bytes } = tf.memory()
        t.deepEqual([tensors, bytes], [numTensors, numBytes])
        job.ready(-1, fault)
        for (const one of [job, twin]) await step(one)
        t.deepEqual(await job.state(), await twin.state())
        t.notDeepEqual(await job.state(), before)
        for (const one of [job, twin]) one.dispose()
      })
    }
  }
}
