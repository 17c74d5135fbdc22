import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const script = fileURLToPath(new URL('../../scripts/test-avx512.mjs', import.meta.url))

test('AVX-512 gives the bits of the scalar path, on an emulated CPU where this one has none', (t) => {
  t.timeout(15 * 60_000)
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', maxBuffer: 1e8 })
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  t.log(last)
  t.is(status, 0, `${stdout}${stderr}`)
  if (last.startsWith('SKIPPED')) return t.regex(last, /^SKIPPED: .+/)
  t.regex(last, /^WIDTHS ok \d+ checks scalar avx2 avx512$/)
  t.notRegex(stdout, /FAILED/)
})
