import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { npmTool } from '../../scripts/tools.mjs'
import { node, npm, root, run } from './package/commands.ts'
import { json, type Tarball, tarball } from './package/tarball.ts'
import { createProject, install, provideNodeTypes } from './package/user.ts'

// The tarball as a user gets it: packed from a copy of the repository, or handed in as SALTFLAT_TARBALL; looked into,
// installed into an empty project without network and without install scripts, and used there in every way it can be.

const user = createProject()
const installed = join(user, 'node_modules', 'saltflat')
const platform = `${process.platform}-${process.arch}`
const binary = join('prebuilds', platform, process.platform === 'linux' ? 'saltflat.glibc.node' : 'saltflat.node')
let packed: Tarball

test.before((t) => {
  t.timeout(15 * 60_000) // Compiles, the first time.
  packed = tarball(user)
  install(user, packed.file)
})
test.after.always(() => rmSync(user, { recursive: true, force: true }))

test.serial('holds what is needed and nothing else', (t) => {
  const { files, size } = packed
  const needed = ['dist/index.js', 'dist/index.d.ts', 'dist/tfjs-node-shim.js', 'dist/tfjs-node-shim.d.ts']
  for (const path of [...needed, 'bin/saltflat.js', 'scripts/build-native.mjs', 'Cargo.lock'])
    t.true(files.includes(path), path)
  for (const path of ['LICENSE', 'README.md', 'CHANGELOG.md', 'crate/core/src/lib.rs'])
    t.true(files.includes(path), path)
  const elsewhere = /^(src|__test__|bench|docs|examples|build|target|\.github)\//
  t.deepEqual(
    files.filter((path) => elsewhere.test(path)),
    [],
  )
  const binaries = files.filter((path) => path.endsWith('.node'))
  t.true(binaries.includes(binary.replaceAll('\\', '/')), `${binary} among ${binaries}`)
  t.log(`${files.length} files, ${Math.round(size / 1000)} kB, ${binaries.length} binaries`)
  t.true(size <= 3e6 * binaries.length, `at most 3 MB a platform, found ${size} bytes for ${binaries}`)
})

test.serial('runs nothing when it is installed', (t) => {
  const { scripts = {} } = json<{ scripts?: Record<string, string> }>(installed, 'package.json')
  const hooks = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare']
  t.deepEqual(
    Object.keys(scripts).filter((name) => hooks.includes(name)),
    [],
  )
  t.false(packed.files.includes('binding.gyp'), 'npm would run node-gyp for it')
})

test.serial('its source maps hold the sources, which are not in it', (t) => {
  const maps = packed.files.filter((path) => path.endsWith('.map'))
  t.true(maps.length > 0)
  for (const path of maps) {
    const { sources, sourcesContent } = json<{ sources: string[]; sourcesContent?: string[] }>(installed, path)
    t.is(sourcesContent?.length, sources.length, path)
  }
})

test.serial('its Linux binaries need no glibc above 2.17', (t) => {
  const binaries = packed.files.filter((path) => /^prebuilds\/linux-.+\.node$/.test(path))
  if (packed.log.includes('!! No cargo-zigbuild') && !process.env.CI) {
    t.log('SKIPPED: PyPI is out of reach, so this binary is not the one to ship')
    return t.true(binaries.length > 0)
  }
  for (const path of binaries) {
    const needed = versions(readFileSync(join(installed, path), 'latin1'))
    t.true(needed.length > 0 && needed.every(upTo2_17), `${path} needs glibc ${needed}`)
  }
  if (process.platform !== 'linux') return t.is(binaries.length > 0, packed.given)
  const symbols = run(installed, 'objdump', ['--dynamic-syms', binary])
  t.true(versions(symbols).length > 0 && versions(symbols).every(upTo2_17), `${versions(symbols)}`)
  const libraries = run(installed, 'objdump', ['--private-headers', binary]).matchAll(/NEEDED\s+(\S+)\.so/g)
  const plain = /^(libc|libm|libdl|libpthread|librt|ld-linux-(x86-64|aarch64-1)|ld-linux-aarch64)$/
  for (const [, name = ''] of libraries) t.regex(name, plain, 'a library that not every Linux has')
})

test.serial('its binary offers what binding.d.ts declares, and names no place on the disk of its builder', (t) => {
  const declared = readFileSync(join(root, 'src', 'native', 'binding.d.ts'), 'utf8')
  const names = [...declared.matchAll(/^export declare (?:function|class|const) (\w+)/gm)].map(([, name]) => name)
  const offered = Object.keys(createRequire(import.meta.url)(join(installed, binary)) as object)
  t.deepEqual(offered.toSorted(), names.toSorted() as string[], 'a feature for tests must not ship')
  t.notRegex(offered.join(), /panic|inject|fault|fail/i)
  const text = readFileSync(join(installed, binary), 'latin1')
  t.is(/[\w./-]*(\/root\/|\/home\/|\/Users\/|\.cargo\/registry)[\w./-]*/.exec(text)?.[0], undefined)
})

test.serial('trains as an ES module', (t) => {
  writeFileSync(join(user, 'train.js'), program)
  const { backend, losses } = lastObject<{ backend: string; losses: number[] }>(node(user, 'train.js'))
  t.is(backend, 'cpu')
  t.is(losses.length, 5)
  t.true(losses.every(Number.isFinite))
  t.true(losses.at(-1)! < losses[0]!, `the loss falls: ${losses}`)
})

test.serial('trains as a module that CommonJS requires, to the same bits', (t) => {
  const required = program
    .replace(/^import (\{.*\}) from ('.*')$/gm, 'const $1 = require($2)')
    .replace(/^import \* as tf from ('.*')$/m, 'const tf = require($1)')
    .replace(/^import ('.*')$/m, 'require($1)')
  writeFileSync(join(user, 'train.cjs'), `(async () => {${required}})()`)
  t.notRegex(required, /\bimport\b/)
  t.deepEqual(lastObject(node(user, 'train.cjs')), lastObject(node(user, 'train.js')))
})

test.serial('its command line tool finds the prebuilt binary', (t) => {
  const tool = join(installed, 'bin', 'saltflat.js')
  const found = JSON.parse(node(user, tool, 'doctor', '--json'))
  t.is(join(found.binary.path), binary)
  t.true(found.binary.loaded)
  t.true(found.selfTest.ok)
  t.deepEqual(
    found.backends.map(({ available }: { available: boolean }) => available),
    [false, false],
  )
  t.is(
    npm(user, 'exec', '--offline', '--', 'saltflat', '--version').trim(),
    json<Version>(root, 'package.json').version,
  )
})

test.serial('it measures a model that stock tfjs has saved, on numpy arrays, in a folder with nothing else', (t) => {
  t.timeout(5 * 60_000)
  // As another program would have left them: this one does not import saltflat's own writer.
  writeFileSync(join(user, 'save.js'), savingProgram)
  node(user, 'save.js')
  const tool = join(installed, 'bin', 'saltflat.js')
  const flags = ['--model', 'saved/model.json', '--data', 'x.npy', '--labels', 'y.npy', '--scale', '1/255']
  const common = [...flags, '--loss', 'categoricalCrossentropy']
  const said = node(user, tool, 'spectrum', ...common, '--probes', '2', '--steps', '20', '--out', 'made/spectrum.html')
  t.regex(said, /Eigenvalues lie between/)
  const page = readFileSync(join(user, 'made', 'spectrum.html'), 'utf8')
  t.regex(page, /^<!doctype html>/)
  t.notRegex(page, /<script|https?:\/\/(?!www\.w3\.org)/)
  const { result, run: how } = JSON.parse(node(user, tool, 'trace', ...common, '--json', '--probes', '400'))
  t.is(how.backend, 'cpu')
  const top = JSON.parse(node(user, tool, 'top', ...common, '--json', '--count', '1', '--seed', '1'))
  t.true(top.result.converged[0] && top.result.values[0] > 0)
  t.true(Number.isFinite(result.mean) && result.standardError < Math.abs(result.mean))
  openInChromium(t, join(user, 'made', 'spectrum.html'))
})

const compilers = [
  { name: 'TypeScript 7', tsc: () => join(root, 'node_modules', 'typescript', 'bin', 'tsc'), commonJs: true },
  { name: 'TypeScript 6', tsc: () => npmTool('typescript-6', 'tsc'), commonJs: true },
  { name: 'TypeScript 5.9', tsc: () => npmTool('typescript-5.9', 'tsc'), commonJs: true },
  // Until 5.8, TypeScript knew nothing of modules that CommonJS may require.
  { name: 'TypeScript 5.0', tsc: () => npmTool('typescript-5.0', 'tsc'), commonJs: false },
]

for (const { name, tsc, commonJs } of compilers)
  test.serial(`its types hold under ${name}: as modules, for bundlers${commonJs ? ', in CommonJS' : ''}`, (t) => {
    t.timeout(5 * 60_000)
    const filter = (file: string) => !file.endsWith('.spec.ts')
    cpSync(join(root, '__test__', 'types'), join(user, 'types'), { recursive: true, filter })
    writeFileSync(join(user, 'types', 'common.cts'), commonTypes)
    provideNodeTypes(user)
    const common = { strict: true, noEmit: true, target: 'es2022', types: ['node'], allowImportingTsExtensions: true }
    const modules = { ...common, module: 'nodenext', exactOptionalPropertyTypes: true }
    const bundled = { ...common, module: 'esnext', moduleResolution: 'bundler' }
    const check = (compilerOptions: object, include: string[]) => {
      writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }))
      return output(() => node(user, tsc(), '--pretty', 'false', '--project', user))
    }
    t.is(check({ ...modules, skipLibCheck: true }, commonJs ? ['types'] : ['types/*.ts']), '')
    t.is(check({ ...bundled, skipLibCheck: true }, ['types/*.ts']), '')
    // The declarations of tfjs have errors of their own, which everybody must skip; ours have none.
    const errors = check({ ...modules, skipLibCheck: false }, ['types/*.ts']).split('\n')
    t.deepEqual(
      errors.filter((line) => line.includes('node_modules/saltflat')),
      [],
    )
  })

test.serial('publint, strictly, and attw find nothing wrong', (t) => {
  t.timeout(5 * 60_000)
  t.regex(
    output(() => node(user, npmTool('publint'), packed.file, '--strict')),
    /All good!/,
  )
  // To require an ES module is right since Node 20.19, the oldest that we support; shown above. Profile node16 leaves out
  // resolvers older than `exports`, which know of no entry point but the main one.
  const rules = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm']
  const judge = () => node(user, npmTool('@arethetypeswrong/cli', 'attw'), packed.file, ...rules)
  t.notThrows(judge, output(judge))
})

test.serial('its sources make a binary that works, where no prebuilt one fits', (t) => {
  t.timeout(10 * 60_000)
  const flags = ['--no-deps', '--offline', '--locked', '--format-version=1']
  const text = run(user, 'cargo', ['metadata', ...flags, '--manifest-path', join(installed, 'Cargo.toml')])
  const names = (JSON.parse(text) as { packages: { name: string }[] }).packages.map(({ name }) => name)
  t.deepEqual(names.toSorted(), ['saltflat-core', 'saltflat-node'])

  rmSync(join(installed, 'prebuilds'), { recursive: true })
  t.regex(
    output(() => node(user, 'train.js')),
    /ERR_NO_BINARY.+npx saltflat build/s,
  )
  const quick = { CARGO_PROFILE_RELEASE_LTO: 'off', CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16' }
  const tool = join(installed, 'bin', 'saltflat.js')
  t.regex(
    run(user, process.execPath, [tool, 'build'], { ...quick, CARGO_TARGET_DIR: join(user, 'target') }),
    /^Built /m,
  )
  const { binary, selfTest } = JSON.parse(node(user, tool, 'doctor', '--json'))
  t.is(join(binary.path), join('build', 'Release', 'saltflat.node'))
  t.true(selfTest.ok)
  t.is(lastObject<{ losses: number[] }>(node(user, 'train.js')).losses.length, 5)
})

const program = `
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { layers, sequential, initializers } from '@tensorflow/tfjs-layers'
import { adamw, nso } from 'saltflat'

const kernelInitializer = initializers.glorotUniform({ seed: 1 })
const dense = layers.dense({ units: 2, activation: 'softmax', inputShape: [3], kernelInitializer })
const model = sequential({ layers: [dense] })
const optimizer = nso(adamw({ learningRate: 0.1 }), { sigma: 0.01, seed: 7 })
model.compile({ optimizer, loss: 'categoricalCrossentropy' })
const history = await model.fit(tf.ones([4, 3]), tf.tensor2d([[1, 0], [1, 0], [1, 0], [1, 0]]), { epochs: 5, verbose: 0 })
console.log(JSON.stringify({ backend: tf.getBackend(), losses: history.history.loss }))
`

const savingProgram = `
import { mkdirSync, writeFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { layers, sequential } from '@tensorflow/tfjs-layers'

const conv = layers.conv2d({ filters: 2, kernelSize: 3, activation: 'relu', inputShape: [6, 6, 1] })
const model = sequential({ layers: [conv, layers.flatten(), layers.dense({ units: 3, activation: 'softmax' })] })
mkdirSync('saved', { recursive: true })
await model.save(tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, format }) => {
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
  writeFileSync('saved/model.json', JSON.stringify({ modelTopology, format, weightsManifest }))
  writeFileSync('saved/weights.bin', Buffer.from(weightData))
  return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
}))
function npy(file, descr, shape, bytes) {
  const header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape.join(', ') + ",), }"
  const line = header.padEnd(117) + '\\n'
  writeFileSync(file, Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([1, 0, 118, 0]), Buffer.from(line), bytes]))
}
npy('x.npy', '|u1', [30, 6, 6], Buffer.from(Array.from({ length: 30 * 36 }, (_, i) => (i * 37) % 256)))
npy('y.npy', '|u1', [30], Buffer.from(Array.from({ length: 30 }, (_, i) => i % 3)))
`

/** The page opens without a complaint in its console, where there is a browser. */
function openInChromium(t: ExecutionContext, page: string): void {
  const candidates = [process.env.SALTFLAT_CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome', 'headless_shell']
  const browser = candidates.find((one) => one && spawnSync(one, ['--version']).status === 0)
  if (browser === undefined) {
    console.warn('SKIPPED: no Chromium to open the page (SALTFLAT_CHROMIUM names one)')
    return
  }
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr', '--v=0', '--dump-dom']
  const { status, stdout, stderr } = spawnSync(browser, [...flags, `file://${page}`], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  t.regex(stdout, /Spectrum of the Hessian/)
  t.notRegex(stderr, /CONSOLE.*(error|violat|fail)/i)
}

const commonTypes = `
import saltflat = require('saltflat')
export const optimizer: saltflat.FlatOptimizer = saltflat.nso(saltflat.adamw(), { sigma: 0.01 })
// @ts-expect-error
saltflat.nso('adam')
`

interface Version {
  readonly version: string
}

const upTo2_17 = (version: string) => Number(version.split('.')[0]) === 2 && Number(version.split('.')[1]) <= 17

function versions(text: string): string[] {
  return [...new Set([...text.matchAll(/GLIBC_(\d+\.\d+)/g)].map(([, version]) => version!))]
}

function lastObject<T>(text: string): T {
  return JSON.parse(text.split('\n').findLast((line) => line.startsWith('{'))!) as T
}

/** What a check says, whether it is content or not. */
function output(check: () => string): string {
  try {
    return check()
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return `${stdout}${stderr}` || String(error)
  }
}
