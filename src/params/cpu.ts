import type { Tensor } from '@tensorflow/tfjs-core'
import { loadBinding } from '../native/index.ts'
import { InPlaceStore } from './in-place.ts'
import { lead, protect } from './protect.ts'
import type { DataId, OpenStore } from './store.ts'

/** How the stock cpu backend has the values of a tensor. */
interface Data {
  values: unknown
  refCount: number
}

/** What this file uses of it. */
interface CpuBackend {
  data: { has(id: DataId): boolean; get(id: DataId): Data }
}

function isCpu(backend: unknown): backend is CpuBackend {
  const data = (backend as { data?: { get?: unknown } } | null)?.data
  return typeof data?.get === 'function' && !('binding' in (backend as object))
}

/** The cpu backend computes on plain typed arrays: variables become views on one native buffer. */
export const openCpu: OpenStore = (variables, backend) => {
  if (!isCpu(backend)) return null
  const protection = protect(backend)
  const valuesOf = (one: Tensor) => backend.data.get(one.dataId).values as Float32Array
  return new InPlaceStore(variables, {
    name: 'cpu',
    // Asked for what it has not, it would fetch it.
    record: (id) => (backend.data.has(id) ? backend.data.get(id) : null),
    allocate: (length) => protection.own(loadBinding().alignedArray(lead + length)),
    share(holder, memory) {
      if (memory.length > 0 && valuesOf(holder) !== memory) throw new Error('the cpu backend copied')
    },
    values: (one) => {
      const values = valuesOf(one)
      return values instanceof Float32Array ? values : (one.dataSync() as Float32Array)
    },
  })
}
