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

for (const [flags, name] of [
  [[], 'tfjs-node'],
  [['--gpu'], 'tfjs-node-gpu'],
] as const)
  test(`the tfjs-node command answers whether the binding of ${name} is there`, (t) => {
    const { status, stdout } = run('scripts/tfjs-node.mjs', ...flags, '--check')
    t.true(stdout.startsWith(`${name}: `))
    t.regex(stdout, status === 0 ? /the binding is there/ : /builds it/)
    t.true(status === 0 || status === 1)
  })

test('tests on a tfjs-node that is not known are not run on another', (t) => {
  const { status, stderr, stdout } = run('scripts/test.mjs', '--only', 'ts', '--tfjs', 'gpu')
  t.is(status, 1)
  t.regex(stderr, /Expected --tfjs node or node-gpu; received "gpu"/)
  t.regex(stdout, /\n0 passed, 1 failed\n$/)
})
