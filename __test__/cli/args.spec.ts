import test from 'ava'
import { commandOf, parseArguments } from '../../src/cli/args.ts'
import { settingsFor } from '../../src/cli/settings.ts'

test('defaults, every option, and the command that repeats them', (t) => {
  const none = parseArguments([])
  t.deepEqual(none, { help: false, size: 'default', seed: 0, out: 'saltflat-report' })
  t.is(commandOf(none), 'npm start -- --seed 0')
  const all = parseArguments([
    '--full',
    '--seed',
    '7',
    '--backend',
    'wasm',
    '--data',
    'a b',
    '--json',
    'x',
    '--out',
    'y',
  ])
  t.deepEqual(all, { help: false, size: 'full', seed: 7, out: 'y', json: 'x', data: 'a b', backend: 'wasm' })
  t.is(commandOf(all), "npm start -- --full --data 'a b' --backend wasm --seed 7")
})

test('refuses what it does not know', (t) => {
  const wrong = [
    ['--sigma', '1'],
    ['extra'],
    ['--backend', 'cpu'],
    ['--seed', '-1'],
    ['--seed', '1.5'],
    ['--json'],
    ['--smoke', '--full'],
  ]
  for (const argv of wrong) t.throws(() => parseArguments(argv), { code: 'ERR_INVALID_ARGUMENT' }, argv.join(' '))
})

test('sizes: two-pass methods can halve every budget', (t) => {
  for (const size of ['smoke', 'default', 'full'] as const) {
    for (const backend of ['tfjs-node', 'wasm'] as const) {
      const { gradientEvaluations, evaluations, images, testImages } = settingsFor(size, backend, 0)
      t.is((gradientEvaluations / 2) % evaluations, 0) // every method is evaluated at the same cost
      t.true(images + testImages <= 10_000)
    }
  }
  t.like(settingsFor('default', 'tfjs-node', 0), { images: 500, gradientEvaluations: 1800, testImages: 4000 })
  t.like(settingsFor('default', 'wasm', 0), { images: 300, gradientEvaluations: 1200 })
  t.like(settingsFor('full', 'wasm', 0), { images: 1000, gradientEvaluations: 3600 })
  t.throws(() => settingsFor('default', 'wasm', 2 ** 53), { code: 'ERR_INVALID_ARGUMENT' })
})
