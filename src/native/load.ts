import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SaltflatError } from '../errors.ts'
import { explain } from './explain.ts'

/** The addon's functions, as the Rust side declares them. */
export type Binding = typeof import('./binding.d.ts')

/** The addon that would be loaded, or why there is none. */
export type Found = { readonly file: string } | { readonly error: unknown }

const require = createRequire(import.meta.url)
let loaded: Binding | undefined

/**
 * The native addon, loaded at the first call: the file that `SALTFLAT_BINARY` names, else build/Release, else the
 * prebuilt one for this platform.
 *
 * Throws `ERR_NO_BINARY` with what was looked for, why it failed and what to do.
 */
export function loadBinding(): Binding {
  loaded ??= load()
  return loaded
}

/** Where the addon is, without loading it. */
export function locate(): Found {
  const override = process.env.SALTFLAT_BINARY
  if (override) return { file: isAbsolute(override) ? override : resolve(override) }
  try {
    const finder = require('node-gyp-build') as { path(folder: string): string }
    return { file: finder.path(packageRoot()) }
  } catch (error) {
    return { error }
  }
}

/** The folder of our package.json: two up from src/native/ as well as from dist/native/, wherever npm put it. */
export function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (nameIn(folder) === 'saltflat') return folder
    if (folder === dirname(folder)) break
  }
  throw new SaltflatError('ERR_NO_BINARY', 'Expected the package.json of saltflat above its own files, found none.')
}

function load(): Binding {
  const found = locate()
  const root = packageRoot()
  if ('error' in found) throw explain(undefined, found.error, root)
  try {
    const binding = require(found.file) as Partial<Binding> | null
    // Node loads JSON and JavaScript by the same call.
    if (typeof binding?.Workspace !== 'function') throw new Error('It is no addon of saltflat.')
    return binding as Binding
  } catch (error) {
    throw explain(found.file, error, root)
  }
}

function nameIn(folder: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name
  } catch {
    return undefined
  }
}
