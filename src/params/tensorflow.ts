import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import { loadBinding } from '../native/index.ts'
import { watchAliases } from './aliases.ts'
import { InPlaceStore } from './in-place.ts'
import type { DataId, OpenStore } from './store.ts'
import { findPlaces, type Places } from './tensorflow-op.ts'

/** What this file uses of tfjs-node's backend. */
export interface TensorflowBackend {
  binding: { tensorDataSync(id: number): Float32Array }
  isUsingGpuDevice: boolean
  tensorMap: { has(id: DataId): boolean; get(id: DataId): { id: number; refCount: number } }
  getInputTensorIds(tensors: Tensor[]): number[]
}

function isTensorflowOnCpu(backend: unknown): backend is TensorflowBackend {
  const one = backend as Partial<TensorflowBackend> | null
  if (typeof one?.binding?.tensorDataSync !== 'function' || typeof one.getInputTensorIds !== 'function') return false
  return !one.isUsingGpuDevice
}

/**
 * TensorFlow on the CPU shares memory that lies on a 64-byte boundary, and copies any other without a word. So slots are
 * native memory, and a sentinel written after adoption must be seen by TensorFlow; otherwise this store is not used.
 * Gradients are read where TensorFlow has them.
 */
export const openTensorflow: OpenStore = (variables, backend) => {
  if (!isTensorflowOnCpu(backend)) return null
  const found = findPlaces(backend)
  return opened(variables, backend, 'places' in found ? found.places : undefined)
}

/** The same with a copy of each gradient, as where the op of `tensorflow-op.ts` cannot be had. */
export const openAligned: OpenStore = (variables, backend) =>
  isTensorflowOnCpu(backend) ? opened(variables, backend, undefined) : null

function opened(
  variables: readonly Variable[],
  backend: TensorflowBackend,
  places: Places | undefined,
): InPlaceStore | null {
  const aliases = watchAliases(backend)
  try {
    return new InPlaceStore(variables, {
      name: 'tensorflow',
      aliases: (id) => aliases.alive(id),
      record: (id) => (backend.tensorMap.has(id) ? backend.tensorMap.get(id) : null),
      allocate: (length) => loadBinding().alignedArray(length),
      share(holder, memory) {
        aliases.watch(holder.dataId)
        const [id] = backend.getInputTensorIds([holder])
        if (memory.length > 0) sentinel(memory, () => backend.binding.tensorDataSync(id!))
      },
      values: (one) => one.dataSync() as Float32Array,
      places,
    })
  } catch (error) {
    if (error instanceof NotShared) return null
    throw error
  }
}

class NotShared extends Error {}

/** Writes a number that was not there and looks whether TensorFlow sees it. */
function sentinel(memory: Float32Array, seen: () => Float32Array): void {
  const last = memory.length - 1
  const before = memory[last]!
  const mark = before === 12_345.678 ? -1 : Math.fround(12_345.678)
  memory[last] = mark
  const shared = seen()[last] === mark
  memory[last] = before
  if (!shared) throw new NotShared()
}
