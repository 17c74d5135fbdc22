import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { SaltflatError } from '../errors.ts'
import { type CheckpointContent, decodeCheckpoint } from './checkpoint-file.ts'
import { codeOf, ignoring, synced, syncedFolder } from './durable.ts'
import { readWhole } from './large.ts'

/** As `pathOf` writes them; a file by another name is somebody else's. */
const pattern = /^checkpoint-(\d{6}|[1-9]\d{6,14})\.safetensors$/
const temporaryPattern = /^checkpoint-[\w-]+\.tmp$/
/** Milliseconds after which a temporary file is what a kill has left, not what another process writes. */
const abandoned = 60 * 60 * 1000

/** A file that was passed over, and why. */
export interface SkippedFile {
  /** Where it is. */
  readonly path: string
  /** What is wrong with it. */
  readonly reason: string
}

/** Files that this process has written, or read and found whole. */
const whole = new Set<string>()

/**
 * Adds a file to a folder, so that at every moment, also after a kill or a power cut, the folder holds whole files only:
 * a temporary file in the same folder is written, brought to the disk and given its name, then the folder itself is brought
 * to the disk, and those above it that are new. Of the older ones so many are kept, of those that are whole. Returns the path.
 */
export async function addCheckpoint(dir: string, bytes: Uint8Array, keep: number): Promise<string> {
  const made = await mkdir(dir, { recursive: true })
  const temporary = join(dir, `checkpoint-${process.pid}-${randomBytes(8).toString('hex')}.tmp`)
  let path: string
  try {
    await synced(temporary, 'wx', bytes)
    path = await named(dir, temporary)
  } finally {
    await rm(temporary, { force: true })
  }
  whole.add(resolve(path))
  await syncedFolder(dir)
  if (made !== undefined) await syncedAbove(resolve(dir), resolve(made))
  await removeOlder(dir, path, keep)
  await removeAbandoned(dir)
  return path
}

/** A new folder is on the disk when the one above it is: so up to the one that the first new folder was made in. */
async function syncedAbove(dir: string, first: string): Promise<void> {
  await syncedFolder(dirname(dir))
  if (dir !== first && dir !== dirname(dir)) await syncedAbove(dirname(dir), first)
}

/** Gives a file the next number, which no other process has taken. */
async function named(dir: string, temporary: string): Promise<string> {
  for (;;) {
    const path = pathOf(dir, ((await numbersIn(dir))[0] ?? 0) + 1)
    try {
      await link(temporary, path)
      return path
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EEXIST') continue
      // File systems without hard links: here two processes at the same moment may take the same number.
      if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(code)) throw error
      await rename(temporary, path)
      return path
    }
  }
}

/** Damaged files do not count: else the last whole one, which a run went on from, would have to go for them. */
async function removeOlder(dir: string, newest: string, keep: number): Promise<void> {
  let kept = 0
  for (const number of await numbersIn(dir)) {
    const path = pathOf(dir, number)
    if (kept >= keep) {
      await rm(path, { force: true })
      whole.delete(resolve(path))
    } else if (path === newest || whole.has(resolve(path)) || (await isWhole(path))) kept++
  }
}

/** What cannot be read for another reason than damage may be whole. */
async function isWhole(path: string): Promise<boolean> {
  try {
    await contentOf(path)
    return true
  } catch (error) {
    return !isDamage(error) && codeOf(error) !== 'ENOENT'
  }
}

async function removeAbandoned(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!temporaryPattern.test(name)) continue
    const path = join(dir, name)
    // Gone meanwhile where another process has finished it.
    const modified = await stat(path).then(({ mtimeMs }) => mtimeMs, ignoring('ENOENT'))
    if (modified !== undefined && Date.now() - modified > abandoned) await rm(path, { force: true })
  }
}

/**
 * The newest whole checkpoint of a folder, and what was passed over for it; null where there has never been one. Throws
 * ERR_STATE where there are some but none is whole: a run of days must not begin anew unasked.
 */
export async function newestCheckpoint(
  dir: string,
): Promise<{ path: string; content: CheckpointContent; skipped: SkippedFile[] } | null> {
  const skipped = new Map<number, SkippedFile>()
  const gone = new Set<number>()
  for (;;) {
    // Listed anew each time: another process may have added files, and removed what was to be read.
    const number = (await numbersIn(dir)).find((one) => !skipped.has(one) && !gone.has(one))
    if (number === undefined) break
    const path = pathOf(dir, number)
    try {
      return { path, content: await contentOf(path), skipped: [...skipped.values()] }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') gone.add(number)
      else if (isDamage(error)) skipped.set(number, { path, reason: (error as Error).message })
      else throw error
    }
  }
  if (skipped.size === 0) return null
  const reasons = [...skipped.values()].map(({ path, reason }) => `${path}: ${reason}`).join(' ')
  throw new SaltflatError(
    'ERR_STATE',
    `Expected a whole checkpoint in ${dir}, received ${skipped.size} that are not. ${reasons} Remove them to begin anew.`,
  )
}

async function contentOf(path: string): Promise<CheckpointContent> {
  whole.delete(resolve(path))
  const content = decodeCheckpoint(await readWhole(path))
  whole.add(resolve(path))
  return content
}

/** Of a file: what is too large, or finds no memory, is not damaged. */
function isDamage(error: unknown): boolean {
  return error instanceof SaltflatError && error.code === 'ERR_STATE'
}

/** The numbers of the files in a folder, newest first; none where there is no folder. */
async function numbersIn(dir: string): Promise<number[]> {
  const names = (await readdir(dir).catch(ignoring('ENOENT'))) ?? []
  const found = names.map((name) => pattern.exec(name)).filter((match) => match !== null)
  return found.map((match) => Number(match[1])).sort((a, b) => b - a)
}

function pathOf(dir: string, number: number): string {
  return join(dir, `checkpoint-${String(number).padStart(6, '0')}.safetensors`)
}
