import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { backends, tensorflowPackage } from '../helpers/backends.ts'

// The packages behind tfjs-node, as a user may have them installed: a folder with dist/ and a node_modules of its own.

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const ifBuilt = backends.includes('tensorflow') ? test : test.skip
const real = join(root, 'node_modules', tensorflowPackage)

const gpu = '@tensorflow/tfjs-node-gpu'
const works = `module.exports = require(${JSON.stringify(backends.includes('tensorflow') ? realpathSync(real) : '')})`
const fails = `throw new Error('libcudart is not there')`

interface Entry {
  name: string
  package: string
  available: boolean
  version: string
  reason?: string
  note?: string
  gradients?: string
}

/** What loads where these packages are installed, and what doctor says of it. */
function inFolder(
  t: ExecutionContext,
  packages: Record<string, string>,
): { served: string; chosen: string[]; entry: Entry } {
  const folder = mkdtempSync(join(tmpdir(), 'saltflat-backend-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'saltflat', version: '0.0.0', type: 'module' }))
  const modules = join(folder, 'node_modules', '@tensorflow')
  mkdirSync(modules, { recursive: true })
  for (const name of ['tfjs-core', 'tfjs-layers'])
    symlinkSync(join(root, 'node_modules', '@tensorflow', name), join(modules, name))
  symlinkSync(join(root, 'node_modules', 'node-gyp-build'), join(folder, 'node_modules', 'node-gyp-build'))
  for (const [name, index] of Object.entries(packages)) {
    const place = join(folder, 'node_modules', name)
    mkdirSync(place)
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name, version: `1.0.${name.length}` }))
    writeFileSync(join(place, 'index.js'), index)
  }
  const program = `
    import { loadBackend } from './dist/cli/backend.js'
    import { chooseBackend } from './dist/cli/curvature/backend.js'
    import { diagnose } from './dist/cli/diagnosis.js'
    const { backends } = await diagnose()
    const served = await loadBackend('tfjs-node').catch((error) => error.message)
    const chosen = []
    for (const one of ['tfjs-node', undefined]) chosen.push(await chooseBackend(one).catch((error) => error.message))
    console.log('answer ' + JSON.stringify({ served, chosen, entry: backends[0] }))
    process.exit(0)`
  const args = ['--no-deprecation', '--input-type=module', '--eval', program]
  const lines = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' }).split('\n')
  return JSON.parse(lines.find((line) => line.startsWith('answer '))!.slice('answer '.length))
}

ifBuilt('tfjs-node-gpu serves where it is what is installed', (t) => {
  const { served, entry } = inFolder(t, { [gpu]: works })
  t.is(served, 'tfjs-node-gpu')
  t.like(entry, { name: 'tfjs-node', package: gpu, available: true, version: `1.0.${gpu.length}` })
  // There is no addon in that folder, which is said in one line.
  t.regex(entry.gradients!, /^copied: .+$/)
})

ifBuilt('it comes first where both are, but not where it does not load', (t) => {
  t.is(inFolder(t, { [gpu]: works, '@tensorflow/tfjs-node': fails }).served, 'tfjs-node-gpu')
  const { served, entry } = inFolder(t, { [gpu]: fails, '@tensorflow/tfjs-node': works })
  t.is(served, 'tfjs-node')
  t.like(entry, { package: '@tensorflow/tfjs-node', available: true, version: `1.0.${gpu.length - 4}` })
})

test('doctor says why neither serves, and names the shim where this Node needs it', (t) => {
  const { served, entry } = inFolder(t, { [gpu]: fails })
  t.is(served, 'libcudart is not there')
  t.like(entry, { package: gpu, available: false, version: `1.0.${gpu.length}`, reason: 'libcudart is not there' })
  const needed = Number.parseInt(process.versions.node, 10) >= 23
  t.is(entry.note !== undefined, needed)
  if (needed) t.regex(entry.note!, /import 'saltflat\/tfjs-node-shim'/)
  t.regex(inFolder(t, {}).entry.reason!, /tfjs-node is not installed/)
})

test('a command that was asked for a backend which is not there says how to get that one', (t) => {
  const [asked, any] = inFolder(t, {}).chosen
  t.regex(
    asked!,
    /^Expected a backend that loads, .+ tfjs-node: .+[^.]\. Leave --backend out, .+ @tensorflow\/tfjs-node\.$/,
  )
  t.regex(any!, /^Expected a backend of tfjs, .+ tfjs-node: .+; wasm: .+; cpu: .+ @tensorflow\/tfjs-backend-wasm\.$/)
})
