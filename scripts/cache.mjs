// What is downloaded or built once lies here, outside the repository, so that it outlives node_modules and serves every
// clone: SALTFLAT_CACHE, by default a folder of the user's cache.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

/** The folder of the cache; `whole` makes it. */
export const cache = resolve(
  process.env.SALTFLAT_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'saltflat'),
)

/** Makes a folder all at once: filled under another name, then renamed, so that an interruption leaves nothing half. */
export function whole(folder, fill) {
  mkdirSync(dirname(folder), { recursive: true })
  removeAbandoned(folder)
  const unfinished = mkdtempSync(`${folder}-`)
  try {
    fill(unfinished)
    renameSync(unfinished, folder)
  } catch (error) {
    // Another process may have made the same meanwhile.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** What a killed run left an hour ago or more; a younger one may still be at work. */
function removeAbandoned(folder) {
  const unfinished = (name) => name.startsWith(`${basename(folder)}-`) && name.length === basename(folder).length + 7
  for (const name of readdirSync(dirname(folder)).filter(unfinished)) {
    const path = join(dirname(folder), name)
    // Another process may have removed it meanwhile.
    const found = statSync(path, { throwIfNoEntry: false })
    if (found && Date.now() - found.mtimeMs > 3.6e6) rmSync(path, { recursive: true, force: true })
  }
}
