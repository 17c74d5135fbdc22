import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Row } from '../../bench/harness/rows.ts'

const node = (...args: string[]) =>
  // No torch here, whatever the machine has: it takes seconds to load.
  spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, SALTFLAT_PYTHON: 'no-such-python' } })

test('a quick run prints a table and writes rows with machine, versions and commit', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'saltflat-bench-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'result.json')
  const { status, stdout, stderr } = node('scripts/bench.mjs', 'machinery', '--quick', '--json', file)
  t.is(status, 0, stderr)
  t.regex(stdout, /^machinery: /m)
  t.regex(stdout, /saltflat, k = 1 .* ns\/parameter/)
  t.regex(stdout, /SKIPPED: torch, minimal .*: no-such-python has no torch/)
  t.regex(stdout, /0 of 0 goals met\n$/)
  const result = JSON.parse(readFileSync(file, 'utf8'))
  t.is(result.kind, 'bench')
  t.true(result.quick)
  t.regex(result.commit, /^([0-9a-f]{10}|unknown)$/)
  t.regex(result.date, /^\d{4}-\d\d-\d\d$/)
  const { processor, cores, memory, simd } = result.machine
  t.true(processor.length > 0 && cores > 0 && memory > 0 && simd.length > 0)
  t.is(result.versions.node, process.versions.node)
  t.is(result.versions.torch, 'absent')
  t.regex(result.versions.saltflat, /^\d+\.\d+\.\d+/)
  const rows = result.rows as Row[]
  t.true(rows.length >= 5)
  for (const row of rows) {
    t.is(row.question, 'machinery')
    t.true(row.value > 0 && row.spread[0] <= row.value && row.value <= row.spread[1], JSON.stringify(row))
    t.deepEqual([row.goal, row.met], [null, null], 'quick figures are not judged')
  }
  const [claim] = rows.filter(({ against }) => against !== null)
  t.is(claim!.meaning, 'cost')
  t.true(claim!.ratio! > 0)
  t.true(result.skipped.length > 0)
})

test('unknown questions, and saving quick figures, are refused with the usage', (t) => {
  for (const args of [['nosie'], ['noise', '--quick', '--save']]) {
    const { status, stderr } = node('scripts/bench.mjs', ...args)
    t.is(status, 1)
    t.regex(stderr, /npm run bench/)
  }
})
