import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

// The house keeps its order because this reads every import line: files import only from their own folder and from
// layers further down. index.ts gathers the public names and may import anything; of all files only cli/ may import it.

/** From the top down; between two folders on one line imports run one way too, whichever it is. */
const layers = [
  ['cli'],
  ['report', 'callbacks', 'io', 'data'],
  ['curvature', 'optimizers', 'cluster'],
  ['estimators', 'grads'],
  ['params'],
  ['native'],
  [
    ...['checks.ts', 'errors.ts', 'options.ts', 'schedule-kinds.ts', 'schedules.ts', 'suggestion.ts'],
    ...['tfjs-node-shim.ts', 'turns.ts', 'types.ts'],
  ],
]
/** Folders that may know tfjs-core and tfjs-layers. The backends belong to the command line tool alone. */
const knowTfjs = ['params', 'grads', 'optimizers', 'callbacks', 'io', 'data', 'cli']
const tfjs = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers']
const longest = 400

interface Import {
  readonly file: string
  readonly target: string
  readonly typeOnly: boolean
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sources = list(join(root, 'src'), '.ts').filter((file) => !file.endsWith('.d.ts'))
const imports = sources.flatMap(importsOf)
const layered = imports.filter(({ file }) => file !== 'index.ts')

test('every file lies in a layer', (t) => {
  t.true(sources.length > 0)
  t.deepEqual(
    sources.filter((file) => file !== 'index.ts' && levelOf(file) < 0),
    [],
  )
})

test('imports run one way', (t) => {
  t.deepEqual(
    layered
      .filter(isInside)
      .filter((one) => !isDownward(one))
      .map(shown),
    [],
  )
})

test('tfjs is imported only where tensors are handled, its backends only by the command line tool', (t) => {
  const wrong = imports.filter(({ target }) => target.startsWith('@tensorflow/')).filter((one) => !mayKnow(one))
  t.deepEqual(wrong.map(shown), [])
})

test('estimators get their tools as arguments: they import types, and values only from errors and options', (t) => {
  const fromEstimators = imports.filter(({ file }) => folderOf(file) === 'estimators')
  const values = fromEstimators.filter(({ typeOnly }) => !typeOnly).filter(isInside)
  const allowed = ['estimators', 'errors.ts', 'options.ts', 'types.ts']
  t.deepEqual(values.filter(({ target }) => !allowed.includes(folderOf(target))).map(shown), [])
})

test('the core knows nothing of Node', (t) => {
  const core = join(root, 'crate', 'core')
  const files = [...list(join(core, 'src'), '.rs').map((file) => join('src', file)), 'Cargo.toml']
  t.deepEqual(
    files.filter((file) => /\bnapi\b/.test(code(readFileSync(join(core, file), 'utf8')))),
    [],
  )
})

test(`no file is longer than ${longest} lines`, (t) => {
  const rust = list(join(root, 'crate'), '.rs').map((file) => join(root, 'crate', file))
  const files = [...sources.map((file) => join(root, 'src', file)), ...rust]
  t.deepEqual(
    files.filter((file) => readFileSync(file, 'utf8').split('\n').length > longest + 1),
    [],
  )
})

test('the reader of imports sees every form', (t) => {
  const text = [
    "import { a } from '../a.ts'",
    "import type { b } from '../b.ts'",
    "import {\n  c,\n  type d,\n} from '../c.ts'",
    "import '../e.ts'",
    "export * from '../f.ts'",
    "export type { g } from '../g.ts'",
    "const h = await import('../h.ts')",
    "type I = typeof import('../i.ts')",
    "import { type j, type k } from '../j.ts'",
    "require('../l.ts')",
    "// import { no } from '../comment.ts'",
  ].join('\n')
  const found = parse('x/y.ts', text).map(({ target, typeOnly }) => `${target}${typeOnly ? ' type' : ''}`)
  const expected = ['a.ts', 'b.ts type', 'c.ts', 'e.ts', 'f.ts', 'g.ts type', 'h.ts', 'i.ts type', 'j.ts type', 'l.ts']
  t.deepEqual(found.toSorted(), expected)
})

function importsOf(file: string): Import[] {
  return parse(file, readFileSync(join(root, 'src', file), 'utf8'))
}

function parse(file: string, text: string): Import[] {
  const source = code(text)
  const statements = source.matchAll(/^\s*(import|export)\s+(type\s+)?([^'";]*?\bfrom\s*)?['"]([^'"]+)['"]/gm)
  const calls = source.matchAll(/(typeof\s+)?\b(?:import|require|require\.resolve)\(\s*['"]([^'"]+)['"]/g)
  return [
    ...[...statements].map(([, , type, names = '', target = '']) => ({
      target,
      typeOnly: type !== undefined || areTypes(names),
    })),
    ...[...calls].map(([, type, target = '']) => ({ target, typeOnly: type !== undefined })),
  ].map(({ target, typeOnly }) => ({ file, target: resolved(file, target), typeOnly }))
}

/** `{ type A, type B }`: every name in the braces is a type. */
function areTypes(clause: string): boolean {
  const inner = /^\{([^}]*)\}/.exec(clause.trim())?.[1]
  const names = inner
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  return names !== undefined && names.length > 0 && names.every((name) => name.startsWith('type '))
}

function resolved(file: string, target: string): string {
  return target.startsWith('.') ? posix.join(posix.dirname(file), target) : target
}

function isInside({ target }: Import): boolean {
  return target.endsWith('.ts')
}

function isDownward({ file, target, typeOnly }: Import): boolean {
  const [from, to] = [folderOf(file), folderOf(target)]
  if (from === to || (from === 'cli' && to === 'index.ts')) return true
  if (levelOf(file) !== levelOf(target)) return levelOf(file) < levelOf(target)
  return typeOnly || !imports.some((one) => !one.typeOnly && folderOf(one.file) === to && folderOf(one.target) === from)
}

function mayKnow({ file, target }: Import): boolean {
  if (folderOf(file) === 'cli') return true
  const name = target.split('/').slice(0, 2).join('/')
  return tfjs.includes(name) && knowTfjs.includes(folderOf(file))
}

function folderOf(file: string): string {
  return file.split('/', 1)[0]!
}

function levelOf(file: string): number {
  return layers.findIndex((names) => names.includes(folderOf(file)))
}

function shown({ file, target }: Import): string {
  return `${file} imports ${target}`
}

/** The text without comments, so that examples in them do not count. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function list(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
}
