// Builds the Rust addon into build/Release/saltflat.node, where the loader looks first. In the repository the napi
// command does it and writes src/native/binding.d.ts too; in an installed package (`npx saltflat build`) cargo alone
// does. This file ships, so it needs nothing but Node.
//
//   node scripts/build-native.mjs [--target TRIPLE] [--glibc 2.17] [--output-dir DIR] [--faults]
//
// `--glibc` builds with cargo-zigbuild for an old glibc: that is how the shipped Linux binary runs on old systems.
// `--faults` builds what tests let fail on purpose, into build/Faults; it is quick to build and never shipped.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const napi = join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js')
const manifest = 'crate/node/Cargo.toml'
const inRepository = existsSync(napi) && existsSync(join(root, 'src', 'native'))

let options
let outputDir

try {
  options = await readOptions()
  if (options.help) {
    console.log(
      'saltflat build [--target TRIPLE] [--glibc 2.17] [--output-dir DIR]\n\nCompiles the native addon with cargo.',
    )
    process.exit(0)
  }
  outputDir = resolve(root, options['output-dir'] ?? (options.faults ? 'build/Faults' : 'build/Release'))
  needCargo()
  if (inRepository && !options.glibc && !options.faults) buildWithNapi()
  else buildWithCargo()
  console.log(`Built ${relative(process.cwd(), join(outputDir, 'saltflat.node'))}`)
} catch (error) {
  const usage = String(error.code).startsWith('ERR_PARSE_ARGS')
  console.error(usage ? `ERR_INVALID_ARGUMENT: ${error.message}` : `\nThe native addon was not built. ${error.message}`)
  process.exitCode = usage ? 2 : 1
}

async function readOptions() {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }]
  const known = { help: flag, faults: flag, target: text, glibc: text, 'output-dir': text }
  try {
    return parseArgs({ options: known }).values
  } catch (error) {
    const unknown = /'(-[^']*)'/.exec(error.message)?.[1]
    if (error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || unknown === undefined) throw error
    // Before a build nobody knows which flag is near.
    const { suggestion } = await import('../dist/suggestion.js').catch(() => ({ suggestion: () => undefined }))
    const names = Object.keys(known).map((name) => `--${name}`)
    const meant = suggestion(unknown, names)
    error.message = `Expected only ${names.join(', ')}, received unknown flag '${unknown}'.${meant ? ` Did you mean '${meant}'?` : ''}`
    throw error
  }
}

function needCargo() {
  const { status, stdout } = spawnSync('cargo', ['--version'], { encoding: 'utf8' })
  if (status === 0 && minor(stdout) >= 89) return
  const found = status === 0 ? stdout.trim() : 'no cargo on the PATH'
  const advice = 'Install Rust with rustup (or `rustup update`), open a new terminal and run the same command again.'
  throw new Error(`Expected cargo 1.89 or newer, found ${found}. ${advice}`)
}

function minor(version) {
  return Number(/^cargo 1\.(\d+)/.exec(version)?.[1] ?? Number.NaN)
}

function buildWithNapi() {
  const made = temporary(join(root, 'build'))
  const paths = ['--manifest-path', manifest, '--package-json-path', 'package.json', '--output-dir', made]
  const types = ['--dts', 'binding.d.ts', '--no-const-enum']
  try {
    run(process.execPath, [napi, 'build', ...paths, '--release', ...types, ...target(), '--', '--locked'])
    place(join(made, 'binding.d.ts'), join(root, 'src', 'native', 'binding.d.ts'))
    place(join(made, 'saltflat.node'), join(outputDir, 'saltflat.node'))
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

function buildWithCargo() {
  const fresh = process.env.CARGO_TARGET_DIR || inRepository ? undefined : temporary(tmpdir())
  const kind = options.faults ? ['--profile=faults', '--features=faults'] : ['--release']
  const build = [options.glibc ? 'zigbuild' : 'build', ...kind, '--locked', '--manifest-path', manifest]
  const targetDir = fresh ? ['--target-dir', fresh] : []
  try {
    const said = run('cargo', [...build, ...target(), ...targetDir, '--message-format=json-render-diagnostics'], true)
    place(artifact(said), join(outputDir, 'saltflat.node'))
  } finally {
    if (fresh) rmSync(fresh, { recursive: true, force: true })
  }
}

/** The dynamic library among the files that cargo says it made. */
function artifact(messages) {
  for (const line of messages.split('\n').reverse()) {
    if (!line.includes('"compiler-artifact"') || !line.includes('saltflat_node')) continue
    const file = JSON.parse(line).filenames.find((name) => /(^lib)?saltflat_node\.(so|dylib|dll)$/.test(basename(name)))
    if (file) return file
  }
  throw new Error('cargo ended well but named no dynamic library. Please report this.')
}

/** Whoever reads it meanwhile, a running Node or a compiler of types, keeps all of the old file. */
function place(made, file) {
  mkdirSync(dirname(file), { recursive: true })
  copyFileSync(made, `${file}.new`)
  renameSync(`${file}.new`, file)
}

function temporary(folder) {
  mkdirSync(folder, { recursive: true })
  return mkdtempSync(join(folder, 'saltflat-'))
}

function run(command, args, capture = false) {
  const stdio = ['ignore', capture ? 'pipe' : 'inherit', 'inherit']
  const { status, error, stdout } = spawnSync(command, args, { cwd: root, stdio, encoding: 'utf8', maxBuffer: 1e9 })
  if (error) throw error
  if (status !== 0) throw new Error(`${basename(command)} ${args[0]} ended with exit code ${status}; see above.`)
  return stdout
}

function target() {
  if (!options.glibc) return options.target ? ['--target', options.target] : []
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  return ['--target', `${options.target ?? `${machine}-unknown-linux-gnu`}.${options.glibc}`]
}
