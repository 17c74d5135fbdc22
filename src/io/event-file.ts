import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { crc32c } from './crc32c.ts'
import { versionEvent } from './summary.ts'

/** Told apart by TensorBoard by this part of the name. */
const marker = 'events.out.tfevents.'

/**
 * A file of events, as TensorBoard reads them: records with their length and CRC-32C, appended whole and at once, so that a
 * kill costs at most what was being written. Files are read in the order of their names, so a new one comes after those
 * that the folder has, whatever the clock says.
 */
export class EventFile {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** A new file in a folder, which is made where it is missing. */
  static async create(dir: string, now: number = Date.now()): Promise<EventFile> {
    await mkdir(dir, { recursive: true })
    const taken = (await readdir(dir)).filter((name) => name.startsWith(marker))
    const latest = Math.max(0, ...taken.map((name) => Number.parseInt(name.slice(marker.length), 10) || 0))
    for (let second = Math.max(Math.floor(now / 1000), latest + 1); ; second++) {
      const path = join(dir, `${marker}${String(second).padStart(10, '0')}.${hostname()}.${process.pid}.saltflat`)
      try {
        await writeFile(path, record(versionEvent(now / 1000)), { flag: 'wx' })
        return new EventFile(path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  /** Adds events, in one write. */
  async append(events: readonly Uint8Array[]): Promise<void> {
    // No handle is kept: nobody says when a training that failed is over.
    await appendFile(this.path, Buffer.concat(events.map(record)))
  }
}

/** A record of TensorFlow's TFRecord format. */
function record(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([length, masked(length), data, masked(data)])
}

/** Checksums of checksums would be weak, so the format rotates and shifts them. */
function masked(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes)
  const out = Buffer.alloc(4)
  out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
  return out
}
