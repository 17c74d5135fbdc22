import type { FileTensor, FileType } from './safetensors.ts'
import { decodeSealed, encodeSealed, refused, type Seal } from './sealed.ts'

/** A tensor that tfjs has a type for. */
export interface CheckpointTensor extends FileTensor {
  readonly dtype: Exclude<FileType, 'float64'>
}

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
  readonly weights: readonly CheckpointTensor[]
  /** What the optimizer has saved, in its order. */
  readonly state: readonly CheckpointTensor[]
}

const seal: Seal = { what: 'a checkpoint', format: 'saltflat.checkpoint', version: 1 }

/** A checkpoint as one safetensors file, which other tools can read, with a checksum. */
export function encodeCheckpoint({ weights, state, ...rest }: CheckpointContent): Buffer {
  // With their numbers, so that names need not be unique.
  const named = (kind: string, tensors: readonly FileTensor[]) =>
    tensors.map((one, i) => ({ ...one, name: `${kind}/${i}/${one.name}` }))
  const tensors = [...named('model', weights), ...named('optimizer', state)]
  return encodeSealed(seal, { tensors, metadata: { checkpoint: JSON.stringify(rest) } })
}

/** Undoes `encodeCheckpoint`. Throws ERR_STATE for a file that is damaged in any byte, or none of ours. */
export function decodeCheckpoint(file: Buffer): CheckpointContent {
  const { tensors, metadata } = decodeSealed(seal, file)
  const named = (kind: string) =>
    tensors.flatMap(({ dtype, ...one }) => {
      const [, name] = one.name.match(new RegExp(`^${kind}/\\d+/(.*)$`, 's')) ?? []
      if (dtype === 'float64') throw refused('tensors of float32, int32 or bool', `float64 in '${one.name}'`)
      return name === undefined ? [] : [{ ...one, dtype, name }]
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
