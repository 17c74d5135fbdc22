import { createInterface } from 'node:readline'
import * as tf from '@tensorflow/tfjs'
import { type BackendName, openBackend } from '../backends.ts'
import { load } from '../questions.ts'
import type { Reply, Request } from './hosts.ts'
import { Meter, type Runnable } from './measure.ts'
import type { Work } from './question.ts'

// A process with the works of one question on one backend. It reads one request a line and answers each with a line;
// between requests it sleeps, so that only the contestant whose turn it is uses the machine.

const [name = '', backend = 'native'] = process.argv.slice(2)
const works = new Map<string, { work: Work; meter: Meter }>()
// Answers have the standard output for themselves.
console.log = console.error
console.info = console.error

function say(reply: Reply): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}

async function answer(request: Request, question: Awaited<ReturnType<typeof load>>): Promise<Reply> {
  if (request.do === 'prepare') {
    const make = question.works[request.work]
    if (make === undefined) throw new Error(`The question ${name} has no work called ${request.work}.`)
    works.set(request.name, { work: make(request.options), meter: new Meter() })
    return {}
  }
  const { work, meter } = works.get(request.name)!
  const value = await work.value?.()
  return { round: value === undefined ? await meter.round(work as Runnable, request.budget) : { value, least: value } }
}

try {
  if (backend !== 'native') await openBackend(backend as BackendName)
  const question = await load(name)
  say({ versions: { tfjs: tf.version.tfjs, ...tensorflow() } })
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      say(await answer(JSON.parse(line) as Request, question))
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) })
    }
  }
} catch (error) {
  say({ error: error instanceof Error ? error.message : String(error) })
}

function tensorflow(): { tensorflow?: string } {
  if (backend !== 'tensorflow') return {}
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } }
  return { tensorflow: binding.TF_Version }
}
