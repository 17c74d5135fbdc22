import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { SaltflatError } from '../errors.ts'
import { type MethodName, type MethodResult, methodNames } from '../report/comparison.ts'
import type { BackendName } from './backend.ts'
import type { Task } from './data.ts'
import type { Settings } from './settings.ts'
import { type Progress, train } from './train.ts'
import { Turns } from './turns.ts'
import type { Message, Order } from './worker.ts'

/** Everything `runAll` needs; `stop[0]` set to 1 ends every method after its current step. */
export interface Run {
  readonly backend: BackendName
  readonly task: Task
  readonly settings: Settings
  readonly stop: Int32Array
  report(method: MethodName, progress: Progress): void
}

/** Methods that compute at the same time: wasm keeps to one thread each, tfjs-node uses all cores from a single one. */
export function lanesOf(backend: BackendName): number {
  return backend === 'wasm' ? Math.min(2, availableParallelism()) : 1
}

/** Trains every method, in turns, and returns the results of those that took a step. A failure of one stops the others. */
export async function runAll(run: Run): Promise<Partial<Record<MethodName, MethodResult>>> {
  const turns = new Turns(methodNames.length, lanesOf(run.backend))
  const one = run.backend === 'wasm' ? inWorker : inProcess
  const ends = await Promise.allSettled(
    methodNames.map(async (method, place) => {
      try {
        return [method, await one(method, place, turns, run)] as const
      } catch (error) {
        Atomics.store(run.stop, 0, 1)
        throw error
      } finally {
        turns.leave(place)
      }
    }),
  )
  const failure = ends.find((end) => end.status === 'rejected')
  if (failure) throw failure.reason
  const results = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
  return Object.fromEntries(results.filter(([, result]) => result !== null))
}

function inProcess(method: MethodName, place: number, turns: Turns, run: Run): Promise<MethodResult | null> {
  const stopped = () => Atomics.load(run.stop, 0) === 1
  return train(method, run.task, run.settings, {
    report: (progress) => run.report(method, progress),
    stopped,
    async turn(gradients) {
      turns.spend(place, gradients)
      do await new Promise((resume) => setImmediate(resume))
      while (!stopped() && !turns.may(place))
    },
  })
}

function inWorker(method: MethodName, place: number, turns: Turns, run: Run): Promise<MethodResult | null> {
  const { backend, task, settings, stop, report } = run
  // The compiled package holds worker.js, a source tree worker.ts: the same folder, this file's own extension.
  const entry = new URL(`./worker${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url)
  const { words, lanes } = turns
  const order = { method, place, backend, task, settings, stop, words, lanes } satisfies Order
  const worker = new Worker(entry, { workerData: order })
  return new Promise((resolve, reject) => {
    worker.on('message', (message: Message) => {
      if (message.kind === 'progress') report(method, message.progress)
      if (message.kind === 'result') resolve(message.result)
      if (message.kind === 'failure') {
        reject(message.code ? new SaltflatError(message.code, message.message) : new Error(message.message))
      }
    })
    worker.on('error', reject)
    worker.on('exit', (code) => reject(new Error(`The worker of ${method} ended early with exit code ${code}.`)))
  })
}
