// npm test: every fast test, Rust and TypeScript; the last line is `N passed, N failed`. Formatting, lints and types are
// apart, `--only lint`, and count as four tests.
//
//   npm test [-- [--only lint|rust|ts|package] [--tfjs node|node-gpu] [-- AVA ARGUMENTS]]     npm run test:long
//
// AVA arguments may name test files: `npm test -- --only ts -- __test__/native/load.spec.ts --match '*code*'`.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { closingLine, countAva, countCargo, countOne, total } from './counts.mjs'
import { beginAddon, ensure, ensureDependencies } from './ensure.mjs'
import { root, Stop, toolEnv } from './run.mjs'
import { isInstalled } from './tfjs-binding.mjs'

const workspace = ['--workspace', '--locked']
const stages = {
  lint: [
    { name: 'cargo fmt', command: ['cargo', 'fmt', '--check'], count: countOne },
    {
      name: 'clippy',
      command: ['cargo', 'clippy', ...workspace, '--all-targets', '--', '-D', 'warnings'],
      count: countOne,
    },
    { name: 'biome', command: ['biome', 'check', '--error-on-warnings', '.'], count: countOne },
    { name: 'types', command: ['tsc', '--noEmit'], count: countOne },
  ],
  rust: [
    { name: 'cargo test', command: ['cargo', 'test', ...workspace, '--tests', '--no-fail-fast'], count: countCargo },
  ],
  ts: [
    {
      name: 'ava',
      command: ['ava', ...concurrency(), ...files('__test__/**/*.spec.ts', '!__test__/long/**')],
      count: countAva,
    },
  ],
  long: [
    {
      name: 'cargo test, long',
      // The whole range of words, and 10⁷ draws and more of everything.
      command: [
        ...['cargo', 'test', '--release', '--locked', '--package', 'saltflat-core', '--no-fail-fast'],
        ...['--test', 'accuracy', '--test', 'statistics', '--', '--ignored'],
      ],
      count: countCargo,
    },
    {
      name: 'ava, long',
      // Two files at a time: most of them keep one core busy (`--serial` would be one file at a time).
      command: ['ava', '--concurrency=2', '--timeout=20m', ...files('__test__/long/**/*.spec.ts')],
      count: countAva,
    },
  ],
  // One of the long ones, on its own: what a release must pass on every platform.
  package: [{ name: 'package', command: ['ava', '--timeout=20m', '__test__/long/package.spec.ts'], count: countAva }],
}

const sum = total(await runAll())
console.log(`\n${closingLine(sum)}`)
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0

async function runAll() {
  const counts = []
  try {
    const names = chosen()
    await ensureDependencies()
    chooseTfjs()
    // It keeps one core busy for a minute: Rust's tests have the other.
    const addon = names.length > 1 ? beginAddon() : undefined
    for (const name of names) {
      if (name === 'ts' || name === 'long') {
        await addon
        await ensure() // Type errors stop it; Rust has run by then.
      }
      for (const stage of stages[name]) counts.push(await runStage(stage))
    }
  } catch (error) {
    console.error(error instanceof Stop ? `\n${error.message}` : error)
    counts.push({ passed: 0, failed: 1, skipped: 0 })
  }
  return counts
}

function chosen() {
  const { only, long } = flags()
  if (long) return ['long']
  if (!only) return ['rust', 'ts']
  if (Object.hasOwn(stages, only)) return [only]
  throw new Stop(`Expected --only ${Object.keys(stages).join(', ')}; received ${JSON.stringify(only)}.`)
}

/** Which package the rows of the backend `tensorflow` run on; helpers/backends.ts reads it. Asked for, it must be there. */
function chooseTfjs() {
  const { tfjs } = flags()
  if (!tfjs) return
  if (!['node', 'node-gpu'].includes(tfjs))
    throw new Stop(`Expected --tfjs node or node-gpu; received ${JSON.stringify(tfjs)}.`)
  if (!isInstalled(`tfjs-${tfjs}`))
    throw new Stop(`There is no binding of tfjs-${tfjs}. Run: npm run tfjs-node${tfjs === 'node' ? '' : ' -- --gpu'}`)
  process.env.SALTFLAT_TFJS = `@tensorflow/tfjs-${tfjs}`
}

/** Runs one stage with its output shown as it comes, and counts what it says. */
function runStage({ name, command: [program, ...args], count }) {
  console.log(`\n── ${name}`)
  const begun = performance.now()
  const color = process.stdout.isTTY ? { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } : {}
  const env = toolEnv({ TF_CPP_MIN_LOG_LEVEL: '2', ...color })
  const options = { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], shell: process.platform === 'win32' }
  return new Promise((resolve) => {
    const child = spawn(program, args, options)
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      process.stdout.write(chunk)
    })
    child.on('error', ({ message }) => resolve(finish(message, 1)))
    child.on('close', (code) => resolve(finish('', code ?? 1)))
    function finish(reason, code) {
      const result = count(text, code)
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      console.log(`${reason ? `${reason}\n` : ''}${name}: ${closingLine(result)} in ${seconds} s`)
      return result
    }
  })
}

/** Each test file is a process of its own that loads TensorFlow: one more than cores, since they wait now and then. */
function concurrency() {
  return [`--concurrency=${Math.max(2, Math.min(availableParallelism() + 1, 4))}`]
}

/** What the developer passed on to AVA; files named there take the place of all. */
function files(...patterns) {
  const extra = passedOn()
  return extra.some((argument) => /\.ts$/.test(argument)) ? extra : [...patterns, ...extra]
}

function flags() {
  const options = { only: { type: 'string' }, long: { type: 'boolean' }, tfjs: { type: 'string' } }
  const own = process.argv.slice(2, process.argv.length - passedOn().length)
  try {
    return parseArgs({ args: own.filter((argument) => argument !== '--'), options }).values
  } catch (error) {
    throw new Stop(error.message)
  }
}

function passedOn() {
  const mark = process.argv.indexOf('--')
  return mark < 0 ? [] : process.argv.slice(mark + 1)
}
