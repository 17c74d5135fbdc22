import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Puts a file in the place of another, so that at every moment, also after a kill or a power cut, one of them is there, whole. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}-${process.pid}-${randomBytes(8).toString('hex')}.tmp`
  try {
    await synced(temporary, 'wx', bytes)
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  await syncedFolder(dirname(path))
}

/** Writes, where there is something to write, and waits until the disk has it. */
export async function synced(path: string, flags: string, bytes?: Uint8Array): Promise<void> {
  const handle = await open(path, flags)
  try {
    if (bytes !== undefined) await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Renames are on the disk when the folder is, where the platform has a way to do this: Windows, some shares and folders that may not be read have none. */
export async function syncedFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return
  await synced(dir, 'r').catch(ignoring('EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR', 'EPERM', 'EACCES'))
}

/** For `catch`: throws what has another code. */
export function ignoring(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(codeOf(error))) throw error
  }
}

/** The code of a failure of the file system. */
export function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | null)?.code)
}
