// A bundle of tfjs as a module. To learn what a CommonJS file exports, Node parses its text, and that of all it requires: a
// sixth of the start of a test. Here the bundle itself is asked, once; its names stay beside the packages they are of.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(import.meta.url)
const cache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'saltflat-tests')

/** The source of a module that gives what `require(file)` gives. */
export function asModule(file) {
  const names = namesOf(file)
  return [
    `import { createRequire } from 'node:module'`,
    `const bundle = createRequire(import.meta.url)(${JSON.stringify(file)})`,
    'export default bundle',
    ...names.map((name, i) => `const _${i} = bundle.${name}; export { _${i} as ${name} }`),
  ].join('\n')
}

/** The names that `file` exports. Kept under the hash of its text: another text is another bundle. */
function namesOf(file) {
  const kept = join(cache, `${createHash('sha256').update(readFileSync(file)).digest('hex')}.json`)
  try {
    return JSON.parse(readFileSync(kept, 'utf8'))
  } catch {
    const names = Object.keys(require(file)).filter((name) => name !== 'default')
    mkdirSync(cache, { recursive: true })
    writeFileSync(`${kept}.${process.pid}`, JSON.stringify(names))
    renameSync(`${kept}.${process.pid}`, kept) // Another process reads all of it, or nothing.
    return names
  }
}
