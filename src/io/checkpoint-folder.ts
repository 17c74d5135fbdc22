import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SaltflatError } from '../errors.ts'
import { type CheckpointContent, decodeCheckpoint } from './checkpoint-file.ts'

const pattern = /^checkpoint-(\d+)\.safetensors(\.tmp)?$/

/** A file that was passed over, and why. */
export interface SkippedFile {
  /** Where it is. */
  readonly path: string
  /** What is wrong with it. */
  readonly reason: string
}

/**
 * Adds a file to a folder, so that at every moment, also after a kill or a power cut, the folder holds whole files only:
 * a temporary file in the same folder is written, brought to the disk and renamed, then the folder itself is brought to the
 * disk. Of the older ones so many are kept. Returns the path.
 */
export async function addCheckpoint(dir: string, bytes: Uint8Array, keep: number): Promise<string> {
  await mkdir(dir, { recursive: true })
  const numbers = await numbersIn(dir)
  const path = pathOf(dir, (numbers[0] ?? 0) + 1)
  const temporary = `${path}.tmp`
  try {
    await synced(temporary, 'w', bytes)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  // Windows has no way to do this.
  if (process.platform !== 'win32') await synced(dir, 'r')
  for (const number of numbers.slice(keep - 1)) await rm(pathOf(dir, number), { force: true })
  // What a kill has left.
  for (const name of await readdir(dir)) if (pattern.exec(name)?.[2]) await rm(join(dir, name), { force: true })
  return path
}

/**
 * The newest whole checkpoint of a folder, and what was passed over for it; null where there has never been one. Throws
 * ERR_STATE where there are some but none is whole: a run of days must not begin anew unasked.
 */
export async function newestCheckpoint(
  dir: string,
): Promise<{ path: string; content: CheckpointContent; skipped: SkippedFile[] } | null> {
  const skipped: SkippedFile[] = []
  for (const number of await numbersIn(dir)) {
    const path = pathOf(dir, number)
    const file = await readFile(path)
    try {
      return { path, content: decodeCheckpoint(file), skipped }
    } catch (error) {
      if (!(error instanceof SaltflatError)) throw error
      skipped.push({ path, reason: error.message })
    }
  }
  if (skipped.length === 0) return null
  const reasons = skipped.map(({ path, reason }) => `${path}: ${reason}`).join(' ')
  throw new SaltflatError(
    'ERR_STATE',
    `Expected a whole checkpoint in ${dir}, received ${skipped.length} that are not. ${reasons} Remove them to begin anew.`,
  )
}

/** The numbers of the files in a folder, newest first; none where there is no folder. */
async function numbersIn(dir: string): Promise<number[]> {
  let names: string[] = []
  try {
    names = await readdir(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const found = names.map((name) => pattern.exec(name)).filter((match) => match !== null && match[2] === undefined)
  return found.map((match) => Number(match![1])).sort((a, b) => b - a)
}

function pathOf(dir: string, number: number): string {
  return join(dir, `checkpoint-${String(number).padStart(6, '0')}.safetensors`)
}

/** Writes, where there is something to write, and waits until the disk has it. */
async function synced(path: string, flags: string, bytes?: Uint8Array): Promise<void> {
  const handle = await open(path, flags)
  try {
    if (bytes !== undefined) await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
