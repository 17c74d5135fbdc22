// The two products of a build: the native addon (release), and dist/ from TypeScript.
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root, run } from './run.mjs'

const dist = join(root, 'dist')
const types = 'native/binding.d.ts'

/** The file that `buildTypeScript` writes last: its time is the time of the build. */
export const stamp = join(dist, types)

/** build/Release/saltflat.node and src/native/binding.d.ts, from the crates. */
export function buildNative() {
  console.log('build: the native addon (a minute or two the first time)')
  run(process.execPath, ['scripts/build-native.mjs'])
}

/** dist/, from src/. Files whose source is gone leave it; the rest stays in place for a job that is running. */
export function buildTypeScript() {
  console.log('build: dist')
  run('tsc', ['-p', 'tsconfig.build.json'])
  copyFileSync(join(root, 'src', types), stamp)
  if (existsSync(dist)) sweep(dist, join(root, 'src'))
}

function sweep(folder, sources) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const made = join(folder, entry.name)
    const source = join(sources, basename(entry.name).replace(/(\.d\.ts|\.js)(\.map)?$/, ''))
    if (entry.isDirectory()) sweep(made, join(sources, entry.name))
    else if (!existsSync(`${source}.ts`) && !existsSync(`${source}.d.ts`)) rmSync(made)
  }
}
