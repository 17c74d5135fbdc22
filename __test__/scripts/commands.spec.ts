import { spawnSync } from 'node:child_process'
import test from 'ava'

const run = (...args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8' })

test('the build command ends by itself, with dist made', (t) => {
  const { status, stdout, stderr } = run('scripts/build.mjs', '--ts')
  t.is(status, 0, stderr)
  t.regex(stdout, /build: dist/)
})

test("the README's figures are those of the committed results", (t) => {
  const { status, stderr } = run('scripts/readme.mjs', '--check')
  t.is(status, 0, stderr)
})

test('the tfjs-node command answers whether the binding is there', (t) => {
  const { status, stdout } = run('scripts/tfjs-node.mjs', '--check')
  t.regex(stdout, status === 0 ? /the binding is there/ : /builds it/)
  t.true(status === 0 || status === 1)
})
