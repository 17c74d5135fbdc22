import test from 'ava'
import { textOf } from '../helpers/markdown.ts'

const page = textOf('docs/dependencies.md')
const named = new Set(page.match(/`[^`\s]+`/g)?.map((name) => name.slice(1, -1)))

test('every npm package that we depend on is named with its reason, and no other', (t) => {
  const { dependencies, peerDependencies, devDependencies } = JSON.parse(textOf('package.json'))
  const wanted = new Set(Object.keys({ ...dependencies, ...peerDependencies, ...devDependencies }))
  const rows = section('npm, at run time', 'npm, peers', 'npm, for development')
  t.deepEqual([...rows].toSorted(), [...wanted].toSorted())
})

test('every crate that we depend on is named with its reason, and no other', (t) => {
  const wanted = ['crate/core', 'crate/node'].flatMap((crate) => cratesOf(textOf(`${crate}/Cargo.toml`)))
  t.deepEqual([...section('Rust')].toSorted(), [...new Set(wanted)].toSorted())
})

test('what the API reference is built with is named', (t) => {
  const { devDependencies } = JSON.parse(textOf('docs/package.json'))
  for (const name of Object.keys(devDependencies)) t.true(named.has(name), name)
})

/** Names in the first column of the tables under these headings. */
function section(...headings: string[]): Set<string> {
  const found = headings.flatMap((heading) => {
    const [, text] = page.split(`\n## ${heading}\n`)
    const rows = text!
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => line.startsWith('| `'))
    return rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
  })
  return new Set(found)
}

/** Keys of the dependency tables, without our own crates. */
function cratesOf(toml: string): string[] {
  const tables = toml.split(/^\[/m).filter((table) => /^(target\..+\.|build-|dev-)?dependencies\]/.test(table))
  const entries = tables.map((table) => table.slice(table.indexOf('\n')))
  const names = entries.flatMap((table) => [...table.matchAll(/^([\w-]+)\s*[.=]/gm)].map(([, name]) => name!))
  return names.filter((name) => !name.startsWith('saltflat'))
}
