import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import test from 'ava'

test('random and damaged inputs from another seed, twenty times as many', (t) => {
  const seed = randomInt(2 ** 31)
  const env = { ...process.env, SALTFLAT_FUZZ_SEED: String(seed), SALTFLAT_FUZZ_RUNS: '20' }
  const files = ['__test__/conformance/bad-input/random.spec.ts', '__test__/conformance/fuzz/*.spec.ts']
  const { status, stdout } = spawnSync(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', ...files], {
    encoding: 'utf8',
    env,
  })
  t.is(status, 0, `SALTFLAT_FUZZ_SEED=${seed}\n${stdout}`)
  t.log(`seed ${seed}: ${stdout.trim().split('\n').at(-1)}`)
})
