// Makes a fresh clone ready: every command calls this first, so each works right after `git clone`. Install scripts
// and npm's pre and post hooks are off here, so nothing else would. Says one line for each thing it does.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buildNative, buildTypeScript, stamp } from './products.mjs'
import { root, run, toolEnv } from './run.mjs'
import { installFromCache } from './tfjs-binding.mjs'

const at = (...path) => join(root, ...path)

/** Installs the dependencies and builds the addon and dist/, each only when it is missing or older than its sources. */
export async function ensure() {
  await ensureDependencies()
  if (isAddonOld()) buildNative()
  if (isOlder(stamp, ['src', 'tsconfig.json', 'tsconfig.build.json'])) buildTypeScript()
}

/** Builds the addon, if it must be, beside what the caller does meanwhile. Why it failed, the next `ensure` says. */
export function beginAddon() {
  if (!isAddonOld()) return Promise.resolve()
  console.log('build: the native addon, beside what follows (a minute or two the first time)')
  const child = spawn(process.execPath, ['scripts/build-native.mjs'], { cwd: root, env: toolEnv(), stdio: 'ignore' })
  return new Promise((resolve) => child.on('close', resolve).on('error', resolve))
}

const isAddonOld = () => isOlder(at('build', 'Release', 'saltflat.node'), ['crate', 'Cargo.toml', 'Cargo.lock'])

/** `npm ci` when node_modules is missing or holds other versions than package-lock.json. */
export async function ensureDependencies() {
  const reason = whyInstall()
  if (!reason) return
  console.log(`npm ci: ${reason}`)
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (installFromCache('tfjs-node')) console.log('tfjs-node: its binding put back')
}

/** Contents are compared, not times: a checkout gives every file a new time. */
function whyInstall() {
  if (!existsSync(at('node_modules', '.package-lock.json'))) return 'there is no complete node_modules'
  const wanted = packages('package-lock.json')
  const present = packages('node_modules/.package-lock.json')
  for (const [path, { version, optional, devOptional, peer }] of Object.entries(wanted)) {
    if (path === '' || present[path]?.version === version) continue
    const elsewhere = (optional || devOptional || peer) && !present[path] // For another platform.
    if (!elsewhere) return `${path} is not at ${version}`
  }
  return undefined
}

const packages = (file) => JSON.parse(readFileSync(at(file), 'utf8')).packages

/** Is `product` missing, or any file among `sources` newer? */
function isOlder(product, sources) {
  if (!existsSync(product)) return true
  const built = statSync(product).mtimeMs
  return sources.some((source) => newest(at(source)) > built)
}

/** The latest change under a file or folder; a folder's own time counts too, so that a deleted file is noticed. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stat.mtimeMs)
}
