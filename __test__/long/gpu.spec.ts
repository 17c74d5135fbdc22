import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test from 'ava'

const root = resolve(import.meta.dirname, '../..')
const core = join(root, 'crate', 'core')
const folder = mkdtempSync(join(tmpdir(), 'saltflat-gpu-'))
const built = build()
const ifBuilt = built ? test.serial : test.serial.skip

test.after.always(() => rmSync(folder, { recursive: true, force: true }))

/** A libcuda that runs the kernels on the host: see crate/core/tests/fake-cuda. */
function build(): boolean {
  const flags = ['-std=c++17', '-O2', '-ffp-contract=off', '-fno-strict-aliasing', '-Wno-unknown-pragmas', '-fPIC']
  if (process.arch === 'x64' && readFileSync('/proc/cpuinfo', 'utf8').includes(' fma ')) flags.push('-mfma')
  const shared = ['-shared', '-Wl,-soname,libcuda.so', '-I', join(core, 'src/backend/cuda/kernels')]
  const files = ['-o', join(folder, 'libcuda.so'), join(core, 'tests/fake-cuda/driver.cpp')]
  const done = process.platform === 'linux' && spawnSync('c++', [...flags, ...shared, ...files])
  const made = done !== false && done.status === 0
  if (!made) console.log('SKIPPED: programs for a GPU on a libcuda of our own, which needs Linux and a C++ compiler')
  return made
}

/** Where a program lies. */
function program(which: string): string {
  const done = spawnSync(process.execPath, ['scripts/gpu.mjs', which, '--build'], { cwd: root, encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${done.stdout}${done.stderr}`)
  return done.stdout.trim()
}

/** What a program says with our libcuda. */
function said(file: string, words: readonly string[]): string[] {
  const env = { ...process.env, LD_LIBRARY_PATH: folder }
  return spawnSync(file, words, { env, encoding: 'utf8' }).stdout.trim().split('\n')
}

ifBuilt('every kernel gives the bits of the CPU, 10,000,000 draws of each distribution among them', (t) => {
  t.timeout(30 * 60_000)
  const lines = said(program('test'), [])
  t.regex(lines.at(-1) ?? '', /^\d\d passed, 0 failed$/, lines.filter((line) => line.startsWith('FAILED')).join('\n'))
  for (const distribution of ['gaussian', 'rademacher', 'uniform', 'laplace'])
    for (const rounds of [7, 10])
      t.true(lines.some((line) => line.startsWith(`ok 10000000 draws, ${distribution}, ${rounds} rounds`)))
})

ifBuilt('a kernel that does not start is a failure, and the rest still runs', (t) => {
  const env = { ...process.env, LD_LIBRARY_PATH: folder, SALTFLAT_FAKE_CUDA: 'fail-launch=0' }
  const { stdout, status } = spawnSync(program('test'), ['--quick'], { env, encoding: 'utf8' })
  t.regex(stdout, /\n\d\d passed, 1 failed\n$/)
  t.is(status, 1)
})

ifBuilt('the bench runs, and writes what benches write', (t) => {
  t.timeout(30 * 60_000)
  const file = join(folder, 'gpu.json')
  const lines = said(program('bench'), ['--quick', '--json', file])
  t.is(lines.at(-1), `wrote ${file}`)
  const found = JSON.parse(readFileSync(file, 'utf8'))
  const known = JSON.parse(readFileSync(join(root, 'bench', 'results', 'small.json'), 'utf8'))
  t.deepEqual(Object.keys(found), Object.keys(known))
  t.deepEqual(Object.keys(found.rows[0]), Object.keys(known.rows[0]))
  t.true(found.rows.some((row: { meaning: unknown }) => row.meaning === 'share'))
})

test('without a GPU both say so and fail nothing', (t) => {
  t.timeout(30 * 60_000)
  for (const which of ['test', 'bench']) {
    const env = { ...process.env, LD_LIBRARY_PATH: folder, SALTFLAT_FAKE_CUDA: 'devices=0' }
    const { stdout, status } = spawnSync(program(which), [], { env: built ? env : process.env, encoding: 'utf8' })
    t.is(status, 0)
    if (built) t.is(stdout.trim().split('\n').at(-1), 'SKIPPED: the NVIDIA driver sees no GPU')
  }
})
