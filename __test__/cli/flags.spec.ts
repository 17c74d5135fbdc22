import { spawnSync } from 'node:child_process'
import test from 'ava'
import { readFlags, wholeFlag } from '../../src/cli/flags.ts'

const options = { seed: { type: 'string' }, smoke: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

test('a flag that is unknown is answered by the one that was meant', (t) => {
  for (const [argv, message] of [
    [
      ['--seeed', '1'],
      /^Expected only --seed, --smoke, --help, received unknown flag '--seeed'\. Did you mean '--seed'\?$/,
    ],
    [['--zzz'], /received unknown flag '--zzz'\. Look for a misspelt name\.$/],
    [['-x'], /received unknown flag '-x'\./],
    [['--seed'], /argument missing\. Run with --help for the options\.$/],
    [['extra'], /Run with --help for the options\.$/],
  ] as const) {
    t.throws(() => readFlags(argv, options), { code: 'ERR_INVALID_ARGUMENT', message }, argv.join(' '))
  }
  t.like(readFlags(['--seed', '1', '-h'], options), { seed: '1', help: true })
})

test('a whole number is one', (t) => {
  for (const wrong of ['', '-1', '1.5', '1e3', '0x1', ' 1', '9007199254740992', 'NaN']) {
    t.throws(() => wholeFlag('seed', wrong, 0), { code: 'ERR_INVALID_ARGUMENT' }, wrong)
  }
  t.is(wholeFlag('seed', '007', 0), 7)
})

test('the command line tool answers a misspelt command, or flag, with a code and status 2', (t) => {
  for (const [args, message] of [
    [['docter'], /^ERR_INVALID_ARGUMENT: .*received unknown command 'docter'\./],
    [['help', 'trcae'], /unknown command 'trcae'\. Did you mean 'trace'\?/],
    [
      ['build', '--outptu-dir', 'x'],
      /^ERR_INVALID_ARGUMENT: .*unknown flag '--outptu-dir'\. Did you mean '--output-dir'\?/,
    ],
    [['trace', '--modle', 'x'], /unknown flag '--modle'\. Did you mean '--model'\?/],
    [['doctor', '--jsn'], /^ERR_INVALID_ARGUMENT: .*received unknown flag '--jsn'\. Did you mean '--json'\?/],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, ['bin/saltflat.js', ...args], { encoding: 'utf8' })
    t.is(status, 2, stderr)
    t.regex(stderr, message)
  }
})

test('help of a command is what it says itself', (t) => {
  const told = (...args: string[]) => spawnSync(process.execPath, ['bin/saltflat.js', ...args], { encoding: 'utf8' })
  for (const command of ['doctor', 'main', 'spectrum', 'build']) {
    const { status, stdout } = told('help', command)
    t.is(status, 0, command)
    t.is(stdout, told(command, '--help').stdout)
    t.true(stdout.length > 50, command)
  }
  t.regex(told('help').stdout, /^Usage: saltflat COMMAND/)
})
