import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** Runs a program to its end and gives what it prints; throws with what it complained of when it fails. */
export function run(folder: string, command: string, args: readonly string[], environment: object = {}): string {
  const CARGO_TARGET_DIR = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
  const env = { ...process.env, CARGO_TARGET_DIR, NODE_OPTIONS: '', ...environment }
  return execFileSync(command, args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 1e8 })
}

export function node(folder: string, ...args: string[]): string {
  return run(folder, process.execPath, args)
}

/** npm by its JavaScript: on Windows the command is a batch file, which no program can start without a shell. */
export function npm(folder: string, ...args: string[]): string {
  const beside = join(dirname(process.execPath), ...(process.platform === 'win32' ? [] : ['..', 'lib']))
  const candidates = [process.env.npm_execpath ?? '', join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js')]
  const file = candidates.find((path) => /npm-cli\.js$/.test(path) && existsSync(path))
  return file ? node(folder, file, '--silent', ...args) : run(folder, 'npm', ['--silent', ...args])
}
