import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test from 'ava'

const root = resolve(import.meta.dirname, '../..')
const core = join(root, 'crate', 'core')
const folder = mkdtempSync(join(tmpdir(), 'saltflat-cuda-'))
const built = build()
const ifBuilt = built ? test : test.skip

test.after.always(() => rmSync(folder, { recursive: true, force: true }))

/** A libcuda that runs the kernels on the host: see crate/core/tests/fake-cuda. */
function build(): boolean {
  const flags = ['-std=c++17', '-O2', '-ffp-contract=off', '-fno-strict-aliasing', '-Wno-unknown-pragmas', '-fPIC']
  const shared = ['-shared', '-Wl,-soname,libcuda.so', '-I', join(core, 'src/backend/cuda/kernels')]
  const files = ['-o', join(folder, 'libcuda.so'), join(core, 'tests/fake-cuda/driver.cpp')]
  const done = process.platform === 'linux' && spawnSync('c++', [...flags, ...shared, ...files])
  const made = done !== false && done.status === 0
  if (!made) console.log('SKIPPED: training on a libcuda of our own, which needs Linux and a C++ compiler')
  return made
}

/** What 100 steps gave on this device, with these faults in the driver. */
function trained(device: string, faults?: string): Record<string, unknown> {
  const file = join(import.meta.dirname, 'device-child.ts')
  const env: NodeJS.ProcessEnv = { ...process.env, SALTFLAT_DEVICE: device }
  if (faults !== undefined) Object.assign(env, { LD_LIBRARY_PATH: folder, SALTFLAT_FAKE_CUDA: faults })
  const child = spawnSync(process.execPath, ['--import=@oxc-node/core/register', file], { cwd: root, env })
  return JSON.parse(String(child.stdout).trim().split('\n').at(-1) ?? '')
}

ifBuilt('100 steps of fit have the same bits on both devices', (t) => {
  const expected = trained('cpu')
  t.is(typeof expected.weights, 'string')
  t.deepEqual(trained('cuda', ''), expected)
})

ifBuilt('what the driver lacks is a typed error', (t) => {
  t.deepEqual(trained('cuda', 'devices=0'), { code: 'ERR_NO_DEVICE' })
  t.deepEqual(trained('cuda', 'version=11080'), { code: 'ERR_NO_DEVICE' })
  t.deepEqual(trained('cuda', 'fail-alloc=4'), { code: 'ERR_OUT_OF_MEMORY' })
  t.deepEqual(trained('cuda', 'fail-launch=9'), { code: 'ERR_CUDA' })
})

test('a device that there is not', (t) => {
  t.deepEqual(trained('tpu'), { code: 'ERR_INVALID_ARGUMENT' })
})
