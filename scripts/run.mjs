// Runs one command of the build and waits for it: what every script here does. Plain Node, so that it works before
// `npm ci` has run.
import { spawnSync } from 'node:child_process'
import { delimiter, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository, wherever the script was started from. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '')

/** What a person should read without a stack trace: the cause is theirs to remove, not a bug here. */
export class Stop extends Error {}

/** Runs `command` in the repository with its output shown (`quiet`: only if it fails); throws `Stop` when it fails. */
export function run(command, args, { quiet = false, ...options } = {}) {
  const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit'
  const { status, signal, error, stdout, stderr } = spawn(command, args, { stdio, maxBuffer: 1e9, ...options })
  if (quiet && status !== 0) process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`)
  if (error?.code === 'ENOENT') throw new Stop(missing(command))
  if (error) throw error
  if (status !== 0) throw new Stop(`${command} ${args.join(' ')} ended with ${signal ?? `exit code ${status}`}.`)
}

/** What `command` prints, trimmed, or undefined when it is not there or fails. */
export function output(command, args, options = {}) {
  const { status, stdout } = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8', ...options })
  return status === 0 ? stdout.trim() : undefined
}

/** The environment with the installed tools first on the path, as npm does it for its scripts. */
export function toolEnv(extra = {}) {
  const key = Object.keys(process.env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  return { ...process.env, [key]: [join(root, 'node_modules', '.bin'), process.env[key]].join(delimiter), ...extra }
}

/** Runs a script's main function: a `Stop` becomes one line and exit code 1. */
export async function main(job) {
  try {
    process.exitCode = (await job()) ?? 0
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    console.error(`\n${error.message}`)
    process.exitCode = 1
  }
}

// npm and the tools in .bin are .cmd files on Windows: they need a shell, which takes arguments apart at spaces.
function spawn(command, args, options) {
  const shell = process.platform === 'win32' && !isAbsolute(command)
  return spawnSync(command, shell ? args.map(quoted) : args, { cwd: root, env: toolEnv(), shell, ...options })
}

function quoted(argument) {
  return /[\s"&|<>^()]/.test(argument) ? `"${argument.replaceAll('"', '""')}"` : argument
}

function missing(command) {
  if (command === 'cargo')
    return 'Expected cargo, found none: saltflat is built with Rust 1.89 or newer. Install Rust (rustup), then run this again.'
  return `Expected the command ${command}, found none. Install it, then run this again.`
}
