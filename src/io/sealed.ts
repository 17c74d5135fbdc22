import { createHash } from 'node:crypto'
import { SaltflatError } from '../errors.ts'
import { hashed } from './large.ts'
import { decodeSafetensors, encodeSafetensors, type FileTensor } from './safetensors.ts'

/** Every file begins so, behind the length of its header: the checksum has a fixed place. */
const opening = '{"__metadata__":{"checksum":"'
const [begin, digits] = [8 + opening.length, 64]

/** What a sealed file holds. */
export interface Sealed {
  readonly tensors: readonly FileTensor[]
  readonly metadata: Readonly<Record<string, string>>
}

/** Which format and version a file is of. */
export interface Seal {
  /** As an error calls it: 'a checkpoint'. */
  readonly what: string
  readonly format: string
  readonly version: number
}

/**
 * Tensors and text as one safetensors file, which other tools can read. Its metadata has the SHA-256 of the whole file, taken
 * with zeros in the checksum's own place.
 */
export function encodeSealed({ format, version }: Seal, { tensors, metadata }: Sealed): Buffer {
  const file = encodeSafetensors(tensors, {
    checksum: '0'.repeat(digits),
    ...{ format, version: `${version}`, ...metadata },
  })
  // Not file.write, which in Node 20 writes nothing to a Buffer of 2 GiB and more.
  file.set(Buffer.from(hashed(createHash('sha256'), file).digest('hex')), begin)
  return file
}

/** Undoes `encodeSealed`. Throws ERR_STATE for a file that is damaged in any byte, or of another format. */
export function decodeSealed({ what, format, version }: Seal, file: Buffer): Sealed {
  if (file.subarray(8, begin).toString() !== opening) throw refused(what, 'another file, or a damaged one')
  const hash = createHash('sha256').update(file.subarray(0, begin)).update('0'.repeat(digits))
  if (hashed(hash, file.subarray(begin + digits)).digest('hex') !== file.subarray(begin, begin + digits).toString()) {
    throw refused(`${what} that is whole`, 'one whose checksum differs: it is truncated or damaged')
  }
  const { tensors, metadata } = decodeSafetensors(file)
  if (metadata.format !== format || metadata.version !== `${version}`) {
    throw refused(`${format} of version ${version}`, `${metadata.format} of version ${metadata.version}`)
  }
  return { tensors, metadata }
}

/** What is thrown for a file that is not what it should be. */
export function refused(expected: string, received: string): SaltflatError {
  return new SaltflatError('ERR_STATE', `Expected ${expected}, received ${received}.`)
}
