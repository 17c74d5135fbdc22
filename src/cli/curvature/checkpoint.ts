import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { Tensor } from '@tensorflow/tfjs-core'
import type { RunStore } from '../../curvature/run-store.ts'
import { SaltflatError } from '../../errors.ts'
import { runFile } from '../../io/run-file.ts'
import type { Arguments } from './args.ts'

/** A run in a file, which is gone once the run is complete. */
export interface Checkpoint {
  readonly store: RunStore
  remove(): Promise<void>
}

/**
 * Keeps a run in `path` with a digest of `tensors`, the weights and the data, and of all flags that decide the operator. A run
 * that stands there goes on only for the same: eigenvalues of one model must not be taken for another's.
 */
export function checkpointAt(path: string, args: Arguments, tensors: readonly Tensor[]): Checkpoint {
  const file = runFile(path)
  const of = digest(args, tensors)
  const store: RunStore = {
    every: file.every,
    async load() {
      const found = await file.load()
      if (found === null) return null
      const { of: others, at } = (found.at ?? {}) as { of?: unknown; at?: unknown }
      if (others === of) return { ...found, at }
      throw new SaltflatError(
        'ERR_STATE',
        `Expected a run of this model, data and flags in ${path}, received one of others. Name another file for --checkpoint, or remove it.`,
      )
    },
    save: (state) => file.save({ ...state, at: { of, at: state.at } }),
  }
  return { store, remove: () => rm(path, { force: true }) }
}

function digest(args: Arguments, tensors: readonly Tensor[]): string {
  const { loss, batchSize, scale, method, step, layers } = args
  const hash = createHash('sha256')
  hash.update(JSON.stringify([loss, batchSize, scale, method, step, layers?.source]))
  for (const one of tensors) {
    hash.update(JSON.stringify(one.shape))
    const { buffer, byteOffset, byteLength } = one.dataSync()
    hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return hash.digest('hex')
}
