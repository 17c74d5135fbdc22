import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

// A libcuda that runs the kernels on the host (crate/core/tests/fake-cuda), and programs that find it as their driver.

const root = resolve(import.meta.dirname, '../../..')
const core = join(root, 'crate', 'core')
const folder = mkdtempSync(join(tmpdir(), 'saltflat-cuda-'))

/** Whether it could be built. */
export const built: boolean = build()

function build(): boolean {
  const flags = ['-std=c++17', '-O2', '-ffp-contract=off', '-fno-strict-aliasing', '-Wno-unknown-pragmas', '-fPIC']
  const shared = ['-shared', '-Wl,-soname,libcuda.so', '-I', join(core, 'src/backend/cuda/kernels')]
  const files = ['-o', join(folder, 'libcuda.so'), join(core, 'tests/fake-cuda/driver.cpp')]
  const done = process.platform === 'linux' && spawnSync('c++', [...flags, ...shared, ...files])
  const made = done !== false && done.status === 0
  if (!made) console.log('SKIPPED: training on a libcuda of our own, which needs Linux and a C++ compiler')
  return made
}

/** What a program of this folder prints last, and what is left on the device when it has ended. */
export interface Ran<T> {
  readonly printed: T
  readonly held: number | undefined
}

/**
 * Runs a program of this folder. `device` is SALTFLAT_DEVICE; `faults` what the driver lacks, as in "fail-alloc=4":
 * absent, there is no driver.
 */
export function run<T>(file: string, { device = '', faults, args = [] }: Run): Ran<T> {
  const report = join(folder, 'report.json')
  rmSync(report, { force: true })
  const env: NodeJS.ProcessEnv = { ...process.env, SALTFLAT_DEVICE: device, SALTFLAT_FAKE_CUDA_REPORT: report }
  if (faults !== undefined) Object.assign(env, { LD_LIBRARY_PATH: folder, SALTFLAT_FAKE_CUDA: faults })
  const flags = ['--expose-gc', '--import=@oxc-node/core/register', join(import.meta.dirname, file), ...args]
  const { stdout, stderr } = spawnSync(process.execPath, flags, { cwd: root, env, encoding: 'utf8' })
  const last = stdout.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{') && !last.startsWith('[')) throw new Error(`${file} printed no result: ${stdout}${stderr}`)
  const held = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as { held: number }).held : undefined
  return { printed: JSON.parse(last) as T, held }
}

/** How a program is run. */
export interface Run {
  device?: string
  faults?: string
  args?: string[]
}

/** The library is no more. */
export function remove(): void {
  rmSync(folder, { recursive: true, force: true })
}
