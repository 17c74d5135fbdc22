#!/usr/bin/env node
// The command line tool. Plain JavaScript, committed: it runs before anything is built, and then says what to do.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const curvature = 'dist/cli/curvature/main.js'
// Each command is a program of its own: the file it lives in, what it does, and what the program is to be told first.
const commands = {
  build: ['scripts/build-native.mjs', 'compile the native addon here, where no prebuilt binary fits (needs Rust)'],
  doctor: ['dist/cli/doctor.js', 'say what works on this machine, and what is missing; --json for programs'],
  main: ['dist/cli/main.js', 'train the same network with Adam, SAM and NSO on noisy labels, and compare them'],
  'matrix-sensing': [
    'dist/cli/matrix-sensing/main.js',
    'find a matrix from few measurements with GD, one-sided noise and NSO',
  ],
  spectrum: [curvature, 'the spectrum of the Hessian of a saved model, as a page with a picture', 'spectrum'],
  top: [curvature, 'the top eigenvalues of the Hessian of a saved model', 'top'],
  trace: [curvature, 'the trace of the Hessian of a saved model, by layer', 'trace'],
}

const [first = '--help', ...given] = process.argv.slice(2)
// `saltflat help COMMAND` is `saltflat COMMAND --help`.
const [name, rest] = first === 'help' && given.length > 0 ? [given[0], ['--help']] : [first, given]
if (name === '--version' || name === '-v') console.log(JSON.parse(readFileSync(join(root, 'package.json'))).version)
else if (name === '--help' || name === '-h' || name === 'help') console.log(usage())
else if (!Object.hasOwn(commands, name)) await unknown()
else if (!existsSync(join(root, commands[name][0]))) fail(notBuilt())
else run([join(root, commands[name][0]), ...commands[name].slice(2), ...rest])

function usage() {
  const width = Math.max(...Object.keys(commands).map((command) => command.length))
  const lines = Object.entries(commands).map(([command, [, text]]) => `  ${command.padEnd(width)}  ${text}`)
  return ['Usage: saltflat COMMAND [flags]', '', ...lines, '', 'saltflat COMMAND --help tells more.'].join('\n')
}

/** Wrong usage, as the programs report it. */
async function unknown() {
  const known = Object.keys(commands)
  // Before a build nobody knows which word is near.
  const { suggestion } = await import('../dist/suggestion.js').catch(() => ({ suggestion: () => undefined }))
  const meant = suggestion(name, known)
  const advice = meant === undefined ? '' : ` Did you mean '${meant}'?`
  const expected = `Expected a command of ${known.join(', ')}, received unknown command '${name.slice(0, 60)}'.`
  fail(`ERR_INVALID_ARGUMENT: ${expected}${advice}\n\n${usage()}`, 2)
}

function notBuilt() {
  const inRepository = existsSync(join(root, 'src', 'native'))
  return inRepository
    ? 'saltflat is not built yet. Run `npm run build` in the repository first.'
    : 'This installation of saltflat lacks its dist/ folder. Install it again: `npm install saltflat`.'
}

// The program gets a Node of its own and the terminal; its signals too, so that it may end in its own time.
function run(args) {
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal]
  })
}

function fail(message, code = 1) {
  console.error(message)
  process.exitCode = code
}
