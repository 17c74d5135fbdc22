import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import * as saltflat from 'saltflat'
import { examples, examplesProgram, expectedOutput, onOneLine, pageProgram } from '../../docs/program.ts'
import { blocks, pages, root, textOf } from '../../helpers/markdown.ts'

// Every ts block of the README and of docs/, and every @example of what is public, is compiled and run, and must print
// what the comments in it say.

const folder = join(root, 'build', 'docs')
const loaders = [
  `--import=${import.meta.resolve('@oxc-node/core/register')}`,
  `--import=${pathToFileURL(join(root, 'src', 'tfjs-node-shim.ts'))}`,
]
const hasBinding = existsSync(join(root, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node'))

interface Program {
  readonly name: string
  readonly text: string
}

const fromPages: Program[] = pages
  .filter((page) => /^(docs\/[^/]*|README)\.md$/.test(page))
  .filter((page) => blocks(textOf(page)).some(({ language }) => language === 'ts'))
  .map((page) => ({ name: fileOf(page, '.md'), text: pageProgram(textOf(page)) }))

const publicFiles = [
  ...new Set([...textOf('src/index.ts').matchAll(/from '\.\/(.*)'/g)].map(([, file]) => `src/${file}`)),
]
const names = `import { ${Object.keys(saltflat).join(', ')} } from 'saltflat'; import * as tf from '@tensorflow/tfjs'`
const given = `import { data, initialEpoch, loss, model, optimizer, step, variables, weights, x, y } from '../../__test__/long/docs/given.ts'`
const fromComments: Program[] = publicFiles
  .map((file) => ({ name: fileOf(file, '.ts'), text: textOf(file) }))
  .filter(({ text }) => examples(text).length > 0)
  .map(({ name, text }) => ({ name, text: examplesProgram(text, `${names}; ${given}`) }))
const allComments: Program = {
  name: 'comments.ts',
  text: [...fromComments.map(({ name }) => `await import('./${name}')`), 'export {}\n'].join('\n'),
}

test.before(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { name, text } of [...fromPages, ...fromComments, allComments]) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['.'] }))
})

test('they compile', async (t) => {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  t.is(await inLane(() => run([tsc, '--noEmit', '--project', folder], root)), '')
})

for (const program of fromPages) test(`${program.name} prints what it says`, prints, program, program.text)

test(
  'the examples of doc comments print what they say',
  prints,
  allComments,
  fromComments.map(({ text }) => text).join('\n'),
)

test('every public function has an example', (t) => {
  const sources = publicFiles.map(textOf)
  const without = Object.entries(saltflat)
    .filter(([, value]) => typeof value === 'function' && !/^class\b/.test(String(value)))
    .map(([name]) => name)
    .filter((name) => !sources.some((text) => documented(text, name).includes('@example')))
  t.deepEqual(without, [])
})

async function prints(t: ExecutionContext, { name, text }: Program, said: string): Promise<void> {
  if (text.includes("'@tensorflow/tfjs-node'") && !hasBinding) {
    console.warn(`SKIPPED: ${name}, which needs the binding of tfjs-node (npm run tfjs-node builds it)`)
    t.pass()
    return
  }
  const place = mkdtempSync(join(tmpdir(), 'saltflat-docs-'))
  try {
    t.regex(onOneLine(await inLane(() => run([...loaders, join(folder, name)], place))), expectedOutput(said))
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** What a Node program prints; of one that fails, also why. */
function run(args: string[], cwd: string): Promise<string> {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) => {
      resolve(error === null ? stdout : `${stdout}${stderr}`)
    })
  })
}

/** Two programs at a time: each loads TensorFlow. */
const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]
let next = 0
function inLane<T>(work: () => Promise<T>): Promise<T> {
  const lane = next++ % lanes.length
  const done = lanes[lane]!.then(work)
  lanes[lane] = done.catch(() => undefined)
  return done
}

/** The doc comment of a function. */
function documented(text: string, name: string): string {
  const [before, after] = text.split(new RegExp(`^export (?:async )?function ${name}[(<]`, 'm'))
  return after === undefined ? '' : (before!.match(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/)?.[0] ?? '')
}

function fileOf(path: string, extension: string): string {
  return `${path.slice(0, -extension.length).replaceAll('/', '-')}.ts`
}
