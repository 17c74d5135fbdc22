import { parentPort, workerData } from 'node:worker_threads'
import { SaltflatError } from '../errors.ts'
import type { MethodName, MethodResult } from '../report/comparison.ts'
import { type BackendName, loadBackend } from './backend.ts'
import type { Task } from './data.ts'
import type { Settings } from './settings.ts'
import { type Progress, train } from './train.ts'
import { Turns } from './turns.ts'

/** What a worker is given: plain values and one shared word that turns 1 when it should end early. */
export interface Order {
  readonly method: MethodName
  readonly place: number
  readonly backend: BackendName
  readonly task: Task
  readonly settings: Settings
  readonly stop: Int32Array
  /** Of the `Turns` that the methods share. */
  readonly words: Int32Array
  readonly lanes: number
}

/** What a worker says; a failure keeps its code, which a thrown error would lose on the way. */
export type Message =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'result'; readonly result: MethodResult | null }
  | { readonly kind: 'failure'; readonly code: SaltflatError['code'] | null; readonly message: string }

// Entry of a worker thread: trains one method on a tfjs of its own.
if (parentPort) {
  const port = parentPort
  const say = (message: Message) => port.postMessage(message)
  const { method, place, backend, task, settings, stop, words, lanes } = workerData as Order
  const turns = new Turns(words.length - 1, lanes, words)
  const stopped = () => Atomics.load(stop, 0) === 1
  const control = {
    report: (progress: Progress) => say({ kind: 'progress', progress }),
    stopped,
    async turn(gradients: number) {
      turns.spend(place, gradients)
      while (!stopped() && !turns.may(place)) turns.sleep(place)
    },
  }
  try {
    await loadBackend(backend)
    say({ kind: 'result', result: await train(method, task, settings, control) })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    say({ kind: 'failure', code: error instanceof SaltflatError ? error.code : null, message })
  }
}
