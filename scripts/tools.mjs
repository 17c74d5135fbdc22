// Tools that few commands need, at the exact versions and checksums that scripts/tools/ names, installed once into the
// cache outside the repository: the checks of a release from npm, zig and the audit of the workflows from PyPI. Kept out
// of devDependencies because they are larger than all of those.
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cache, whole } from './cache.mjs'
import { root, run } from './run.mjs'

const lists = join(root, 'scripts', 'tools')

/** The file that an npm tool is started with: `node FILE …`. Throws `Stop` when it is not there and cannot be fetched. */
export function npmTool(name, command = name) {
  const manifest = join(npmTools(), 'node_modules', name, 'package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin[command])
}

/** `require` as a file beside those tools would have it, for those that are used as libraries. */
export function requireTool(name) {
  return createRequire(join(npmTools(), 'package.json'))(name)
}

/** The folder that holds the Python packages of `scripts/tools/NAME.txt`. Throws `Stop` when they cannot be fetched. */
export function pythonTools(name) {
  const list = join(lists, `${name}.txt`)
  const folder = join(cache, `${name}-${process.platform}-${process.arch}-${digest(list)}`)
  if (!existsSync(folder))
    whole(folder, (unfinished) => {
      console.log(`${name}: fetching its packages from PyPI, once`)
      // Not a virtual environment: it could not be moved to its final name, and Debian has it in a package of its own.
      const exactly = ['--no-deps', '--only-binary=:all:', '--require-hashes', '--requirement', list]
      run('python3', ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--target', unfinished, ...exactly])
    })
  return folder
}

function npmTools() {
  const list = join(lists, 'package-lock.json')
  const folder = join(cache, `tools-${digest(list)}`)
  if (!existsSync(folder))
    whole(folder, (unfinished) => {
      console.log('tools: fetching the checks of a release from npm, once')
      for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(lists, file), join(unfinished, file))
      run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: unfinished })
    })
  return folder
}

function digest(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12)
}
