import { constants } from 'node:buffer'
import type { Hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { SaltflatError } from '../errors.ts'

/** Bytes at a time: Node hashes and reads less than 2 GiB in one call. */
const portion = 2 ** 30

/** Zeros. Throws ERR_UNSUPPORTED for more than a Buffer of this Node holds, ERR_OUT_OF_MEMORY where there is no memory. */
export function allocated(size: number): Buffer {
  if (size > constants.MAX_LENGTH) {
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected a file of at most ${constants.MAX_LENGTH} bytes, received one of ${size}. Node 22 and later hold larger ones; or save parts of the model apart.`,
    )
  }
  try {
    return Buffer.alloc(size)
  } catch (cause) {
    throw new SaltflatError(
      'ERR_OUT_OF_MEMORY',
      `Expected ${size} bytes of memory for a file, received none. Free some, or take a machine with more.`,
      { cause },
    )
  }
}

/** `hash.update` for any number of bytes. */
export function hashed(hash: Hash, bytes: Buffer, step: number = portion): Hash {
  for (let at = 0; at < bytes.length; at += step) hash.update(bytes.subarray(at, at + step))
  return hash
}

/** `readFile` for any number of bytes. Throws what `allocated` throws, and what the file system does. */
export async function readWhole(path: string, step: number = portion): Promise<Buffer> {
  const handle = await open(path)
  try {
    const file = allocated((await handle.stat()).size)
    let at = 0
    while (at < file.length) {
      const { bytesRead } = await handle.read(file, at, Math.min(step, file.length - at), at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    return file.subarray(0, at)
  } finally {
    await handle.close()
  }
}
