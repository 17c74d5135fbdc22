// node scripts/test-neon.mjs: does the NEON path give the bits of the scalar one, and do the core's tests pass on
// aarch64? Where the machine is another one, they are compiled for aarch64 and run by QEMU: 2 minutes of two cores the
// first time, 1 minute after that. Exit code 0 when all is well, and also when that cannot be found out on this
// machine: the last line then begins with SKIPPED. Needs `apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
// qemu-user-static`; where rustup has no standard library for aarch64, it is compiled from Debian's copy of the sources.
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cache } from './cache.mjs'
import { main, output, root, run, Stop, toolEnv } from './run.mjs'

const target = 'aarch64-unknown-linux-gnu'
const linker = 'aarch64-linux-gnu-gcc'
const emulators = ['qemu-aarch64-static', 'qemu-aarch64']
const suites = ['stable-backports', 'testing', 'unstable'] // Where Debian keeps young versions of Rust, smallest first.
const folder = join(root, 'target', 'emulated')

class Skip extends Error {}

await main(() => {
  try {
    const env = environment()
    const what = ['--package=saltflat-core', '--release', '--locked', `--target-dir=${folder}`]
    const there = [...what, `--target=${target}`]
    run('cargo', ['test', ...there, '--tests'], { env })
    const bits = widths(there, env)
    // The scalar path must not differ between machines either. Without link-time optimization it compiles faster.
    const here = widths(what, toolEnv({ CARGO_PROFILE_RELEASE_LTO: 'off' }))
    if (bits.digest !== here.digest) throw new Stop(`Digest ${bits.digest} there, ${here.digest} here: bits differ.`)
    console.log(`The scalar path has the digest ${here.digest ?? '(none shown)'} on both machines.`)
    console.log(bits.outcome)
    return /^WIDTHS ok .*\bneon\b/.test(bits.outcome) ? 0 : 1
  } catch (error) {
    if (!(error instanceof Skip)) throw error
    console.log(`SKIPPED: ${error.message}`)
  }
})

/** The last line of the example `widths`, and the digest of what its scalar path computed. */
function widths(what, env) {
  const text = output('cargo', ['run', ...what, '--quiet', '--example=widths'], { env, maxBuffer: 1e8 })
  const outcome = text?.match(/^WIDTHS .*$/m)?.[0]
  if (!outcome) throw new Stop(`The example widths failed: ${text ?? 'it ended early'}`)
  return { outcome, digest: text.match(/^DIGEST (\w+)$/m)?.[1] }
}

/** Settings with which cargo compiles for aarch64 and runs what it has compiled. */
function environment() {
  if (process.platform !== 'linux') throw new Skip('this test is for Linux')
  if (process.arch === 'arm64') return toolEnv({ CARGO_PROFILE_RELEASE_LTO: 'off' })
  const emulator = emulators.find((name) => output(name, ['--version']) !== undefined)
  if (!emulator) throw new Skip(`there is no ${emulators[0]}`)
  if (output(linker, ['--version']) === undefined) throw new Skip(`there is no ${linker}`)
  const variable = (name) => `CARGO_TARGET_${target.toUpperCase().replaceAll('-', '_')}_${name}`
  return toolEnv({
    CARGO_PROFILE_RELEASE_LTO: 'off',
    [variable('LINKER')]: linker,
    [variable('RUNNER')]: emulator,
    // Static, so that the emulator needs no libraries of the other machine.
    [variable('RUSTFLAGS')]: ['-C target-feature=+crt-static', ...standardLibrary()].join(' '),
  })
}

/** Flags that name a standard library for aarch64: none where rustup has one, else one of our own, made once. */
function standardLibrary() {
  const sysroot = output('rustc', ['--print=sysroot'])
  const version = output('rustc', ['--version', '--verbose'])
  if (!sysroot || !version) throw new Skip('there is no rustc')
  const libraries = join('lib', 'rustlib', target, 'lib')
  if (fs.existsSync(join(sysroot, libraries))) return []
  const [, release] = version.match(/^release: (.*)$/m)
  const [, commit] = version.match(/^commit-hash: (.{9})/m) ?? ['', 'unknown']
  const own = join(cache, `${target}-${release}-${commit}`)
  if (!fs.existsSync(own)) inTemporaryFolder((temporary) => compile(temporary, sysroot, release, libraries, own))
  return [`--sysroot=${own}`]
}

/** Compiles the standard library with an empty crate around it, and moves what came of it into a folder `own`. */
function compile(temporary, sysroot, release, libraries, own) {
  const component = join(sysroot, 'lib', 'rustlib', 'src', 'rust', 'library') // `rustup component add rust-src`
  const sources = fs.existsSync(component) ? component : fetchSources(temporary, release)
  const manifest = '[package]\nname = "empty"\nedition = "2024"\n[profile.release]\ndebug-assertions = false\n'
  fs.writeFileSync(join(temporary, 'Cargo.toml'), manifest)
  fs.mkdirSync(join(temporary, 'src'))
  fs.writeFileSync(join(temporary, 'src', 'lib.rs'), '')
  // Neither is a promise of cargo's, so the day may come when this must be done in another way.
  const env = toolEnv({ RUSTC_BOOTSTRAP: '1', __CARGO_TESTS_ONLY_SRC_ROOT: sources })
  console.log(`Compiling the standard library of Rust ${release} for ${target}, once.`)
  run('cargo', ['build', '--release', '--quiet', '-Zbuild-std=std,test', `--target=${target}`], { cwd: temporary, env })
  const made = join(temporary, 'target', target, 'release', 'deps')
  const half = `${own}.${process.pid}`
  fs.mkdirSync(join(half, libraries), { recursive: true })
  for (const name of fs.readdirSync(made).filter((name) => /\.rlib$/.test(name) && !/^libempty-/.test(name)))
    fs.copyFileSync(join(made, name), join(half, libraries, name))
  if (fs.existsSync(own)) fs.rmSync(half, { recursive: true })
  else fs.renameSync(half, own)
}

/** The library's sources, from Debian's package of exactly this release: younger suites than the machine's own too. */
function fetchSources(temporary, release) {
  const format = ['--format', '$(REPO_URI) $(LABEL) $(COMPONENT)', 'Created-By: Packages']
  const mirror = output('apt-get', ['indextargets', ...format])?.match(/^(\S+) Debian main$/m)?.[1]
  if (!mirror) throw new Skip(`rustup has no ${target}, and this is no Debian that could bring the sources for it`)
  const settings = join(temporary, 'apt.conf')
  fs.mkdirSync(join(temporary, 'apt', 'lists', 'partial'), { recursive: true })
  fs.mkdirSync(join(temporary, 'apt', 'archives', 'partial'), { recursive: true })
  fs.writeFileSync(join(temporary, 'apt', 'status'), '')
  fs.writeFileSync(settings, aptSettings(join(temporary, 'apt')))
  const options = { cwd: temporary, env: toolEnv({ APT_CONFIG: settings }) }
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const signed = fs.existsSync(keys) ? `[signed-by=${keys}] ` : ''
  for (const suite of suites) {
    fs.writeFileSync(join(temporary, 'apt', 'sources.list'), `deb ${signed}${mirror} ${suite} main\n`)
    if (output('apt-get', ['update', '--quiet=2'], options) === undefined) continue
    const versions = output('apt-cache', ['madison', 'rust-src'], options)?.matchAll(/^ *rust-src \| (\S+)/gm) ?? []
    const version = [...versions].map(([, version]) => version).find((version) => version.startsWith(`${release}+`))
    if (!version || output('apt-get', ['download', `rust-src=${version}`], options) === undefined) continue
    const archive = fs.readdirSync(temporary).find((name) => name.endsWith('.deb'))
    run('dpkg-deb', ['--extract', archive, 'sources'], { cwd: temporary })
    return join(temporary, 'sources', 'usr', 'src', `rustc-${release}`, 'library')
  }
  throw new Skip(`rustup has no ${target}, and Debian no sources of Rust ${release} to make it from`)
}

/** Lists and packages of its own, so that those of the machine stay as they are. */
function aptSettings(folder) {
  return `Dir::Etc::SourceList "${folder}/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "${folder}";
Dir::State::Lists "${folder}/lists";
Dir::State::Status "${folder}/status";
Dir::Cache "${folder}";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
`
}

function inTemporaryFolder(job) {
  const temporary = fs.mkdtempSync(join(tmpdir(), 'saltflat-neon-'))
  try {
    job(temporary)
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true })
  }
}
