import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

// The tarball as a user gets it: packed from a copy of the repository, installed into an empty folder without network
// and without install scripts, then a training step on tfjs' cpu backend.

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const copy = join(root, 'build', 'package-test') // The same path each time, so that cargo need not compile again.
const user = mkdtempSync(join(tmpdir(), 'saltflat-user-'))
const installed = join(user, 'node_modules', 'saltflat')
test.after.always(() => {
  rmSync(user, { recursive: true, force: true })
  rmSync(copy, { recursive: true, force: true })
})

const program = `
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { adamw, nso } from 'saltflat'

const model = sequential({ layers: [layers.dense({ units: 2, activation: 'softmax', inputShape: [3] })] })
const optimizer = nso(adamw({ learningRate: 0.1 }), { sigma: 0.01, seed: 7 })
model.compile({ optimizer, loss: 'categoricalCrossentropy' })
const history = await model.fit(tf.ones([4, 3]), tf.tensor2d([[1, 0], [1, 0], [1, 0], [1, 0]]), { epochs: 5, verbose: 0 })
console.log(JSON.stringify({ backend: tf.getBackend(), losses: history.history.loss }))
`

test.serial('packs what is needed and nothing else', (t) => {
  copyRepository()
  npm(copy, 'run', 'pack:native')
  const [{ filename, files }] = JSON.parse(npm(copy, 'pack', '--json', '--pack-destination', user)) as [Packed]
  const paths = files.map(({ path }) => path)
  const needed = ['dist/index.js', 'dist/index.d.ts', 'dist/tfjs-node-shim.js', 'dist/tfjs-node-shim.d.ts']
  for (const path of [...needed, 'bin/saltflat.js', 'scripts/build-native.mjs', 'Cargo.lock'])
    t.true(paths.includes(path), path)
  t.true(paths.some((path) => /^prebuilds\/.+\.node$/.test(path)))
  t.true(paths.includes('crate/core/src/lib.rs'))
  t.deepEqual(
    paths.filter((path) => /^(src|__test__|bench|examples|build|target)\//.test(path)),
    [],
  )
  t.false(paths.includes('binding.gyp'), 'npm would run node-gyp for it')
  writeFileSync(join(user, 'tarball'), join(user, filename))
})

test.serial('installs offline without install scripts', (t) => {
  const dependencies = Object.fromEntries(
    provide(['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-cpu', 'node-gyp-build']),
  )
  writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', type: 'module', dependencies }))
  npm(
    user,
    'install',
    '--offline',
    // The peers are there. npm would ask its cache, which need not have them, about the optional ones too.
    '--legacy-peer-deps',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    readFileSync(join(user, 'tarball'), 'utf8'),
  )
  t.true(existsSync(join(installed, 'dist', 'index.js')))
})

test.serial('trains', (t) => {
  writeFileSync(join(user, 'train.js'), program)
  const { backend, losses } = JSON.parse(
    node('train.js')
      .split('\n')
      .findLast((line) => line.startsWith('{'))!,
  )
  t.is(backend, 'cpu')
  t.is(losses.length, 5)
  t.true(losses.every(Number.isFinite))
  t.true(losses.at(-1) < losses[0], `the loss falls: ${losses}`)
})

test.serial('its command line tool finds the prebuilt binary', (t) => {
  const found = JSON.parse(node(join(installed, 'bin', 'saltflat.js'), 'doctor', '--json'))
  t.regex(found.binary.path, /^prebuilds/)
  t.true(found.binary.loaded)
  t.true(found.selfTest.ok)
  t.deepEqual(
    found.backends.map(({ available }: { available: boolean }) => available),
    [false, false],
  )
})

test.serial('its types serve a strict TypeScript program', (t) => {
  writeFileSync(
    join(user, 'types.ts'),
    "import { adamw, nso } from 'saltflat'\nexport const optimizer = nso(adamw())\n",
  )
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--skipLibCheck',
    '--types',
    '',
  ]
  t.notThrows(() =>
    run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), ...options, 'types.ts']),
  )
})

test.serial('the crates in it form a complete workspace, for a build from source', (t) => {
  const manifest = join(installed, 'Cargo.toml')
  const text = run('cargo', [
    'metadata',
    '--no-deps',
    '--offline',
    '--locked',
    '--format-version=1',
    '--manifest-path',
    manifest,
  ])
  const names = (JSON.parse(text) as { packages: { name: string }[] }).packages.map(({ name }) => name)
  t.deepEqual(names.toSorted(), ['saltflat-core', 'saltflat-node'])
})

interface Packed {
  readonly filename: string
  readonly files: { readonly path: string }[]
}

/** The files under version control, or about to be, with the installed tools linked in. */
function copyRepository(): void {
  rmSync(copy, { recursive: true, force: true })
  const listed = run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], root)
  for (const file of listed.split('\0').filter((name) => name !== '' && existsSync(join(root, name))))
    cpSync(join(root, file), join(copy, file), { preserveTimestamps: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
}

/** Puts packages and what they depend on into the user's node_modules, as an earlier install would have; no network. */
function provide(names: string[], done = new Map<string, string>()): Map<string, string> {
  for (const name of names.filter((one) => !done.has(one))) {
    const from = join(root, 'node_modules', name)
    const { version, dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
    done.set(name, version)
    mkdirSync(dirname(join(user, 'node_modules', name)), { recursive: true })
    cpSync(from, join(user, 'node_modules', name), { recursive: true, filter: (file) => !file.endsWith('.map') })
    provide(Object.keys(dependencies), done)
  }
  return done
}

function npm(folder: string, ...args: string[]): string {
  return run('npm', ['--silent', ...args], folder)
}

function node(...args: string[]): string {
  return run(process.execPath, args)
}

function run(command: string, args: string[], cwd: string = user): string {
  const env = {
    ...process.env,
    CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR ?? join(root, 'target'),
    NODE_OPTIONS: '',
  }
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}
