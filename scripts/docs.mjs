// npm run docs: the API reference into docs/api/, from the doc comments of what is public. What lacks a comment, or links to
// nothing, ends it. typedoc lives in a package of its own: docs/package.json says why.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDependencies } from './ensure.mjs'
import { main, root, run } from './run.mjs'

const folder = join(root, 'docs')
const modules = join(folder, 'node_modules')

await main(async () => {
  await ensureDependencies()
  const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (!Object.entries(devDependencies).every(([name, version]) => installed(name) === version)) {
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder })
  }
  run(process.execPath, [join(modules, 'typedoc', 'bin', 'typedoc')], { cwd: folder })
})

function installed(name) {
  const file = join(modules, name, 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined
}
