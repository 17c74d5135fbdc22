import { Worker } from 'node:worker_threads'
import { nativeThreads, type Report } from './report.ts'
import { train, type Work } from './trainer.ts'

// A process of its own: `process.ts BACKEND together` trains in four threads and the main one at once, `… terminated`
// ends four threads in mid-training. Prints what has become of each, as JSON.

const [backend = 'cpu', mode = 'together'] = process.argv.slice(2)
const few: Work = { backend, steps: 8 }

function start(work: Work): Worker {
  return new Worker(new URL('./trainer.ts', import.meta.url), { workerData: work })
}

/** The digest of a thread, and the code it ended with. */
function ended(worker: Worker): Promise<{ digest: string; code: number }> {
  return new Promise((resolve, reject) => {
    let digest = ''
    worker.on('message', (message: string) => {
      digest = message
    })
    worker.on('error', reject)
    worker.on('exit', (code) => resolve({ digest, code }))
  })
}

async function together(): Promise<Report['threads']> {
  const threads = Array.from({ length: 4 }, () => ended(start(few)))
  const main = await train(few)
  return [{ digest: main, code: 0 }, ...(await Promise.all(threads))]
}

/** Ends each thread a little later after a step than the one before: in whatever it then does. */
async function terminated(): Promise<Report['threads']> {
  const workers = Array.from({ length: 4 }, () => start({ backend, steps: Number.POSITIVE_INFINITY }))
  const codes = workers.map(async (worker, i) => {
    await new Promise((resolve) => worker.once('message', resolve))
    for (let step = 0; step < 3; step++) await new Promise((resolve) => worker.once('message', resolve))
    await new Promise((resolve) => setTimeout(resolve, 3 * i))
    return { digest: '', code: await worker.terminate() }
  })
  const main = await train(few)
  return [{ digest: main, code: 0 }, ...(await Promise.all(codes))]
}

const alone = await train(few)
const threads = mode === 'together' ? await together() : await terminated()
const report: Report = { alone, threads, again: await train(few), nativeThreads: nativeThreads() }
console.log(JSON.stringify(report))
