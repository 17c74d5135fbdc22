// Runs a long job in a Node of its own and ends as it ends. Signals reach the job, which may take its time to write
// what it has: the parent only waits.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { root } from './run.mjs'

/** Runs Node with `args` in the repository; resolves to the exit code (128 + number for a signal, as shells say it). */
export async function follow(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}
