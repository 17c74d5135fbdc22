// Stands in for node-gyp under prebuildify: builds the addon into build/Release of the current folder, whatever the
// arguments say. For Linux the oldest possible glibc is asked for where cargo-zigbuild and zig are installed
// (`pip install ziglang cargo-zigbuild`); otherwise the binary needs the glibc of this machine.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { output, root } from './run.mjs'

process.env.PATH = process.env.PREBUILD_PATH ?? process.env.PATH

const oldGlibc = '2.17'
const triples = {
  'linux-x64': 'x86_64-unknown-linux-gnu',
  'linux-arm64': 'aarch64-unknown-linux-gnu',
  'win32-x64': 'x86_64-pc-windows-msvc',
  'darwin-arm64': 'aarch64-apple-darwin',
}

const host = `${process.platform}-${process.arch}`
const wanted = `${process.env.PREBUILD_PLATFORM ?? process.platform}-${process.env.PREBUILD_ARCH ?? process.arch}`
if (!triples[wanted]) {
  console.error(`Expected one of ${Object.keys(triples).join(', ')}; received ${wanted}.`)
  process.exit(1)
}

const target = wanted === host ? [] : ['--target', triples[wanted]]
const glibc = wanted.startsWith('linux') && hasZig() ? ['--glibc', oldGlibc] : []
if (wanted.startsWith('linux') && glibc.length === 0)
  console.log('No cargo-zigbuild with zig here: the binary will need the glibc of this machine or newer.')

const outputDir = ['--output-dir', join(process.cwd(), 'build', 'Release')]
const args = [join(root, 'scripts', 'build-native.mjs'), ...outputDir, ...target, ...glibc]
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1

function hasZig() {
  const zig = output('python3', ['-m', 'ziglang', 'version']) ?? output('zig', ['version'])
  return Boolean(zig && output('cargo-zigbuild', ['--version']))
}
