import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { backends } from '../helpers/backends.ts'
import type { Report } from './workers/report.ts'

// Several threads of one process that train at once, each with its own tfjs, and all with the one addon.

const script = fileURLToPath(new URL('./workers/process.ts', import.meta.url))

function run(backend: string, mode: string): { status: number | null; signal: string | null; report: Report } {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, script, backend, mode], {
    cwd: join(script, '..', '..', '..', '..'),
    encoding: 'utf8',
    timeout: 300_000,
  })
  const line = stdout.split('\n').findLast((one) => one.startsWith('{'))
  if (line === undefined) throw new Error(`No report; exit code ${status}, signal ${signal}.\n${stdout}${stderr}`)
  return { status, signal, report: JSON.parse(line) }
}

for (const backend of backends) {
  test.serial(`${backend}: four threads and the main one train at once as each would alone, and end cleanly`, (t) => {
    const { status, signal, report } = run(backend, 'together')
    t.deepEqual([status, signal], [0, null])
    t.deepEqual(report.threads, Array(5).fill({ digest: report.alone, code: 0 }))
    t.is(report.again, report.alone)
    // One pool for the process, however many threads and optimizers there are.
    if (report.nativeThreads !== null) t.is(report.nativeThreads, Math.max(0, availableParallelism() - 1))
  })

  test.serial(`${backend}: threads terminated in mid-training take nobody with them`, (t) => {
    const { status, signal, report } = run(backend, 'terminated')
    t.deepEqual([status, signal], [0, null])
    t.deepEqual(
      report.threads.map(({ code }) => code),
      [0, 1, 1, 1, 1],
    )
    t.is(report.threads[0]!.digest, report.alone)
    t.is(report.again, report.alone)
  })
}
