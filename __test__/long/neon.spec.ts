import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const script = fileURLToPath(new URL('../../scripts/test-neon.mjs', import.meta.url))

test('NEON gives the bits of the scalar path, and the core passes its tests on aarch64, emulated elsewhere', (t) => {
  t.timeout(15 * 60_000)
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', maxBuffer: 1e8 })
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  t.log(last)
  t.is(status, 0, `${stdout}${stderr}`)
  if (last.startsWith('SKIPPED')) return t.regex(last, /^SKIPPED: .+/)
  t.regex(last, /^WIDTHS ok \d+ checks scalar neon$/)
  t.notRegex(stdout, /FAILED/)
})
