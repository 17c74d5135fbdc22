import { spawnSync } from 'node:child_process'
import test from 'ava'

// One seed, so that a commit that passes passes again; SALTFLAT_FUZZ_SEED tries another.
const seed = process.env.SALTFLAT_FUZZ_SEED ?? '20261124'

test('random and damaged inputs from another seed, twenty times as many', (t) => {
  const env = { ...process.env, SALTFLAT_FUZZ_SEED: seed, SALTFLAT_FUZZ_RUNS: '20' }
  const files = ['__test__/conformance/bad-input/random.spec.ts', '__test__/conformance/fuzz/*.spec.ts']
  const { status, stdout } = spawnSync(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', ...files], {
    encoding: 'utf8',
    env,
  })
  t.is(status, 0, `SALTFLAT_FUZZ_SEED=${seed}\n${stdout}`)
  t.log(`seed ${seed}: ${stdout.trim().split('\n').at(-1)}`)
})
