import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Contestant, HostName, Options } from './question.ts'
import type { Round } from './statistics.ts'

/** What a process is asked. */
export type Request =
  | { readonly do: 'prepare'; readonly name: string; readonly work: string; readonly options: Options }
  | { readonly do: 'round'; readonly name: string; readonly budget: number }

/** What it answers; the first answer comes unasked, with its versions. */
export interface Reply {
  readonly round?: Round
  readonly error?: string
  readonly versions?: Readonly<Record<string, string>>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Threads of OpenMP and of TensorFlow go on spinning for some milliseconds after their last work. */
const settle = 20
/** Milliseconds that a process has to end by itself. */
const patience = 5000

/** The processes of one group, opened when first needed. */
export class Hosts {
  readonly versions: Record<string, string> = {}
  readonly #question: string
  readonly #open = new Map<HostName, Promise<Host>>()
  #last: Host | null = null

  constructor(question: string) {
    this.#question = question
  }

  /** Gets a contestant ready in its process. Rejects with the reason where it cannot take part. */
  async prepare({ name, host, work, options }: Contestant): Promise<void> {
    await (await this.#host(host)).ask({ do: 'prepare', name, work, options })
  }

  /** One round of a contestant, in nanoseconds a call. */
  async round({ name, host }: Contestant, budget: number): Promise<Round> {
    const one = await this.#host(host)
    if (this.#last !== one) await sleep(settle)
    this.#last = one
    const { round } = await one.ask({ do: 'round', name, budget })
    if (round === undefined) throw new Error(`Expected a round of ${name}, received none.`)
    return round
  }

  /** Lets every process end, and waits for it: giving memory back is work. */
  async close(): Promise<void> {
    const settled = await Promise.allSettled(this.#open.values())
    await Promise.all(settled.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)))
  }

  #host(name: HostName): Promise<Host> {
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const opened = Host.open(name, this.#question).then(({ host, versions }) => {
      Object.assign(this.versions, versions)
      return host
    })
    this.#open.set(name, opened)
    return opened
  }
}

/** One process. */
class Host {
  readonly #child: ChildProcess
  readonly #replies: AsyncIterator<string>
  #complaints = ''

  private constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(command, args, {
      cwd: root,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.#replies = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000)
    })
    // A process that could not be started, or that is gone, shows as an end of its answers.
    this.#child.on('error', (error) => {
      this.#complaints += error.message
    })
    this.#child.stdin!.on('error', () => {})
  }

  static async open(
    name: HostName,
    question: string,
  ): Promise<{ host: Host; versions: Readonly<Record<string, string>> }> {
    const host =
      name === 'torch'
        ? new Host(python(), ['-B', 'bench/torch/host.py'], pinned)
        : new Host(process.execPath, [
            '--import=@oxc-node/core/register',
            'bench/harness/host.ts',
            question,
            name.split(' ', 1)[0]!,
          ])
    const { versions = {} } = await host.#reply()
    return { host, versions }
  }

  async ask(request: Request): Promise<Reply> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`)
    return this.#reply()
  }

  async close(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.stdin!.end()
    const late = setTimeout(() => this.#child.kill('SIGKILL'), patience)
    await gone
    clearTimeout(late)
  }

  async #reply(): Promise<Reply> {
    for (;;) {
      const { value: line, done } = await this.#replies.next()
      if (done) throw new Error(`The process ended. ${this.#complaints.trim()}`)
      // Libraries may print; answers are objects.
      if (!line.startsWith('{')) continue
      const reply = JSON.parse(line) as Reply
      if (reply.error !== undefined) throw new Error(reply.error)
      return reply
    }
  }
}

/** torch's threads, each on a core of its own: left to themselves, two of them often wake up on one and wait for each other. */
const pinned = { OMP_PROC_BIND: 'close', OMP_PLACES: 'cores' }
let hasTorch: boolean | undefined

/** A Python that has torch: the one of `SALTFLAT_PYTHON`, or `python3`. */
function python(): string {
  const command = process.env.SALTFLAT_PYTHON || 'python3'
  hasTorch ??= spawnSync(command, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0
  if (!hasTorch) throw new Error(`${command} has no torch (pip install torch numpy; SALTFLAT_PYTHON names a Python)`)
  return command
}
