import { createHash } from 'node:crypto'
import { SaltflatError } from '../errors.ts'
import { hashed } from './large.ts'
import { decodeSafetensors, encodeSafetensors, type FileTensor } from './safetensors.ts'

/** What a checkpoint holds. */
export interface CheckpointContent {
  /** Whole epochs done. */
  readonly epoch: number
  /** Batches done of the epoch after these. */
  readonly batch: number
  readonly optimizer: { readonly className: string; readonly config: Record<string, unknown> }
  /** Places of the weights that the optimizer trains, in its order. */
  readonly trained: readonly number[]
  /** The weights of the model, in its order. */
  readonly weights: readonly FileTensor[]
  /** What the optimizer has saved, in its order. */
  readonly state: readonly FileTensor[]
}

/** Every file begins so, behind the length of its header: the checksum has a fixed place. */
const opening = '{"__metadata__":{"checksum":"'
const [begin, digits] = [8 + opening.length, 64]
const [format, version] = ['saltflat.checkpoint', 1]

/**
 * A checkpoint as one safetensors file, which other tools can read. Its metadata has the SHA-256 of the whole file, taken
 * with zeros in the checksum's own place.
 */
export function encodeCheckpoint({ weights, state, ...rest }: CheckpointContent): Buffer {
  // With their numbers, so that names need not be unique.
  const named = (kind: string, tensors: readonly FileTensor[]) =>
    tensors.map((one, i) => ({ ...one, name: `${kind}/${i}/${one.name}` }))
  const file = encodeSafetensors([...named('model', weights), ...named('optimizer', state)], {
    checksum: '0'.repeat(digits),
    ...{ format, version: `${version}`, checkpoint: JSON.stringify(rest) },
  })
  // Not file.write, which in Node 20 writes nothing to a Buffer of 2 GiB and more.
  file.set(Buffer.from(hashed(createHash('sha256'), file).digest('hex')), begin)
  return file
}

/** Undoes `encodeCheckpoint`. Throws ERR_STATE for a file that is damaged in any byte, or none of ours. */
export function decodeCheckpoint(file: Buffer): CheckpointContent {
  if (file.subarray(8, begin).toString() !== opening) throw refused('a checkpoint', 'another file, or a damaged one')
  const hash = createHash('sha256').update(file.subarray(0, begin)).update('0'.repeat(digits))
  if (hashed(hash, file.subarray(begin + digits)).digest('hex') !== file.subarray(begin, begin + digits).toString()) {
    throw refused('a whole checkpoint', 'one whose checksum differs: it is truncated or damaged')
  }
  const { tensors, metadata } = decodeSafetensors(file)
  if (metadata.format !== format || metadata.version !== `${version}`) {
    throw refused(`${format} of version ${version}`, `${metadata.format} of version ${metadata.version}`)
  }
  const named = (kind: string) =>
    tensors.flatMap((one) => {
      const [, name] = one.name.match(new RegExp(`^${kind}/\\d+/(.*)$`, 's')) ?? []
      return name === undefined ? [] : [{ ...one, name }]
    })
  return { ...described(metadata.checkpoint), weights: named('model'), state: named('optimizer') }
}

function described(text = ''): Pick<CheckpointContent, 'epoch' | 'batch' | 'optimizer' | 'trained'> {
  try {
    const { epoch, batch, optimizer, trained } = JSON.parse(text)
    const { className, config } = optimizer
    const counts = [epoch, batch, ...trained].every((one) => Number.isSafeInteger(one) && one >= 0)
    if (counts && typeof className === 'string' && typeof config === 'object') {
      return { epoch, batch, optimizer, trained }
    }
  } catch {
    // Refused below.
  }
  throw refused('the place of a run and its optimizer', 'something else')
}

function refused(expected: string, received: string): SaltflatError {
  return new SaltflatError('ERR_STATE', `Expected ${expected}, received ${received}.`)
}
