import type { DataId } from './store.ts'

interface CpuBackend {
  makeTensorInfo(shape: number[], dtype: string, values?: unknown): { dataId: DataId }
  readSync(id: DataId): unknown
}

/** Marks memory as written in place; what is marked begins behind the start of its buffer. */
export interface Protection {
  own(memory: Float32Array): Float32Array
}

/** Floats ahead of protected memory: a cache line, as its alignment is one. */
export const lead = 16

const protections = new WeakMap<object, Protection>()

/**
 * Keeps in-place memory of the cpu backend to the variables. Stock `slice`, `split` and `unstack` return views on their
 * input where they can, and `dataSync` returns the values themselves; in stock tfjs that is safe, for nobody writes to
 * them again. So what leaves a variable on these two ways is copied.
 */
export function protect(backend: unknown): Protection {
  const cpu = backend as CpuBackend
  const known = protections.get(cpu)
  if (known !== undefined) return known
  const owned = new WeakSet<ArrayBufferLike>()
  // Every result of an op comes by here. `buffer` would move the values of small arrays out of V8's heap, so the offset,
  // which is never 0 in our memory, is asked first.
  const copied = (values: unknown) =>
    values instanceof Float32Array && values.byteOffset !== 0 && owned.has(values.buffer) ? values.slice() : values
  const { makeTensorInfo, readSync } = cpu
  cpu.makeTensorInfo = function (shape, dtype, values) {
    return makeTensorInfo.call(this, shape, dtype, copied(values))
  }
  cpu.readSync = function (id) {
    return copied(readSync.call(this, id))
  }
  const protection: Protection = {
    own(memory) {
      owned.add(memory.buffer)
      return memory.subarray(lead)
    },
  }
  protections.set(cpu, protection)
  return protection
}
