// Stands in for node-gyp under prebuildify: builds the addon into build/Release of the current folder, whatever the
// arguments say. For Linux it asks for the oldest possible glibc, which takes cargo-zigbuild and zig; where PyPI has
// them not within reach, the binary needs the glibc of this machine, and that is said loudly.
import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { root, Stop, toolEnv } from './run.mjs'
import { pythonTools } from './tools.mjs'

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

const outputDir = ['--output-dir', join(process.cwd(), 'build', 'Release')]
const target = wanted === host ? [] : ['--target', triples[wanted]]
const zig = wanted.startsWith('linux') ? zigbuild() : undefined
const glibc = zig ? ['--glibc', oldGlibc] : []
const args = [join(root, 'scripts', 'build-native.mjs'), ...outputDir, ...target, ...glibc]
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit', env: environment() }).status ?? 1

/** The folder with cargo-zigbuild and zig, or undefined where they cannot be had. */
function zigbuild() {
  try {
    return pythonTools('zigbuild')
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    console.error(`
${error.message}

!! No cargo-zigbuild and zig from PyPI: this binary is linked with the C library of this machine. It will not load on an
!! older Linux, and must not be published.
`)
    return undefined
  }
}

function environment() {
  const path = zig ? { PATH: [join(zig, 'bin'), process.env.PATH].join(delimiter) } : {}
  const linker = zig ? { CARGO_ZIGBUILD_ZIG_PATH: join(zig, 'ziglang', 'zig') } : {}
  return toolEnv({ ...path, ...linker, CARGO_ENCODED_RUSTFLAGS: rustFlags().join('\x1f') })
}

/** Panics name a source file: by its place in the crates, not on the disk of whoever built the binary. */
function rustFlags() {
  const home = process.env.CARGO_HOME ?? join(homedir(), '.cargo')
  const anonymous = [`--remap-path-prefix=${home}=cargo`, `--remap-path-prefix=${root}=saltflat`]
  // Windows has no Visual C++ runtime of its own accord.
  return wanted.startsWith('win32') ? [...anonymous, '-Ctarget-feature=+crt-static'] : anonymous
}
