// The two products of a build: the native addon (release), and dist/ from TypeScript.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { root, run } from './run.mjs'

const dist = join(root, 'dist')
const types = join('native', 'binding.d.ts')

/** The file that `buildTypeScript` writes last: its time is the time of the build. */
export const stamp = join(dist, types)

/** build/Release/saltflat.node and src/native/binding.d.ts, from the crates. */
export function buildNative() {
  console.log('build: the native addon (a minute or two the first time)')
  run(process.execPath, ['scripts/build-native.mjs'])
}

/**
 * dist/, from src/. Files whose source is gone leave it; the rest is replaced a whole file at a time, for a job that is
 * running may read any of them now.
 */
export function buildTypeScript() {
  console.log('build: dist')
  for (const left of abandoned()) rmSync(left, { recursive: true, force: true })
  // Beside dist, or the paths in source maps would be others.
  const fresh = mkdtempSync(`${dist}.`)
  try {
    run('tsc', ['-p', 'tsconfig.build.json', '--outDir', fresh])
    copyFileSync(join(root, 'src', types), join(fresh, types))
    const made = readdirSync(fresh, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const paths = made.map(({ parentPath, name }) => relative(fresh, join(parentPath, name)))
    for (const path of [...paths.filter((path) => path !== types), types]) {
      mkdirSync(dirname(join(dist, path)), { recursive: true })
      renameSync(join(fresh, path), join(dist, path))
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  sweep(dist, join(root, 'src'))
}

/** What builds that were interrupted have left; those of the last hour may be at work. */
function abandoned() {
  const beside = readdirSync(root).filter((name) => name.startsWith(`${basename(dist)}.`))
  const hourAgo = Date.now() - 3_600_000
  // Another build may be removing its own.
  const made = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity
  return beside.map((name) => join(root, name)).filter((path) => made(path) < hourAgo)
}

function sweep(folder, sources) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const made = join(folder, entry.name)
    const source = join(sources, basename(entry.name).replace(/(\.d\.ts|\.js)(\.map)?$/, ''))
    if (entry.isDirectory()) sweep(made, join(sources, entry.name))
    else if (!existsSync(`${source}.ts`) && !existsSync(`${source}.d.ts`)) rmSync(made)
  }
}
