import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { lastCheckpoint } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { backends } from '../helpers/backends.ts'

const kills = 50
/** Processes at a time. */
const lanes = 2
const ways = ['fit', 'fitDataset', 'loop']
const cells = backends.flatMap((backend) => ways.map((how) => [backend, how] as const))
const program = fileURLToPath(new URL('kill-child.ts', import.meta.url))

/** How a process ended. */
interface End {
  signal: NodeJS.Signals | null
  /** The last line that it printed. */
  said: string
  /** From the first step to the end, in ms. */
  trained: number
}

/** Runs the program; `moment`: killed so many ms after it begins to train. */
function live(backend: string, how: string, dir: string, moment = Number.POSITIVE_INFINITY): Promise<End> {
  const child = spawn(process.execPath, [...process.execArgv, program, backend, how, dir], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let [text, begun] = ['', 0]
  let timer: NodeJS.Timeout | undefined
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (begun > 0 || !text.includes('begins\n')) return
    begun = performance.now()
    if (Number.isFinite(moment)) timer = setTimeout(() => child.kill('SIGKILL'), moment)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (_, signal) => {
      clearTimeout(timer)
      resolve({ signal, said: text.trim().split('\n').at(-1)!, trained: performance.now() - begun })
    })
  })
}

/** Does all of these, so many at a time. */
async function each<T>(all: readonly T[], run: (one: T, place: number) => Promise<void>): Promise<void> {
  const left = all.map((one, place) => [one, place] as const)
  const lane = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await run(...next)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

test(`killed at ${kills} random moments: the last checkpoint loads, and each run ends as one that was never killed`, async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rm(root, { recursive: true }))
  const whole: End[] = []
  await each(cells, async ([backend, how], place) => {
    whole[place] = await live(backend, how, join(root, `whole-${place}`))
  })
  for (const { said } of whole) t.true(said.startsWith('{"weights"'), said)

  const words = Array.from(loadBinding().randomWords(2026, 4, 0, 0, 0, 64 * kills))
  const counts = { killed: 0, loaded: 0, before: 0, inMidEpoch: 0, equal: 0 }
  await each(Array.from({ length: kills }), async (_, place) => {
    const dir = join(root, `${place}`)
    const cell = place % cells.length
    const [backend, how] = cells[cell]!
    const { said, trained } = whole[cell]!
    // One that has ended before its moment is begun anew.
    for (let tries = 0; tries < 10; tries++) {
      await rm(dir, { recursive: true, force: true })
      const share = words[64 * place + tries]! / 2 ** 32
      const { signal } = await live(backend, how, dir, share * trained)
      if (signal !== 'SIGKILL') continue
      counts.killed++
      break
    }
    const last = await lastCheckpoint(dir)
    if (last === null) counts.before++
    else {
      if (last.skipped.length === 0) counts.loaded++
      if (last.startBatch > 0) counts.inMidEpoch++
    }
    const again = await live(backend, how, dir)
    if (again.said === said) counts.equal++
    else t.log(`${backend}, ${how}: ends otherwise when killed after ${last?.path ?? 'nothing'}`)
  })
  t.log(
    `${counts.killed} killed, ${counts.before} of them before the first checkpoint and ${counts.inMidEpoch} with one in mid-epoch; ${counts.loaded} checkpoints loaded, none damaged; ${counts.equal} of ${kills} ended bit-equal`,
  )
  t.is(counts.killed, kills)
  t.is(counts.loaded + counts.before, kills)
  t.true(counts.loaded > kills / 2)
  t.is(counts.equal, kills)
})
