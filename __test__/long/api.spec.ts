import { spawnSync } from 'node:child_process'
import test from 'ava'

test('the committed reports of the public API are those of its types', (t) => {
  t.timeout(5 * 60_000)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/api-report.mjs', '--check'], {
    encoding: 'utf8',
  })
  t.is(status, 0, `${stdout}${stderr}`)
  t.regex(stdout, /^[1-9]\d* reports of the API, 0 out of date$/m)
})
