import type { backend_util, TensorInfo } from '@tensorflow/tfjs-core'
import { checkAllocated } from '../../params/wasm.ts'

/** Where a kernel's inputs, outputs and scratch lie: the little of a tfjs backend that these kernels need. */
export interface Memory {
  /** A new tensor. On wasm it may grow, and so detach, the heap: make every tensor before taking values. */
  make(shape: readonly number[], dtype?: 'float32' | 'int32'): TensorInfo
  /** The tensor's own elements, not a copy. */
  values(info: TensorInfo): backend_util.TypedArray
  dispose(info: TensorInfo): void
}

interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: string): TensorInfo
  typedArrayFromHeap(info: TensorInfo): backend_util.TypedArray
  disposeData(dataId: object): boolean
  dataIdMap: { get(dataId: object): { memoryOffset: number } }
}

interface CpuBackend {
  data: { get(dataId: object): { values: backend_util.TypedArray } }
  makeTensorInfo(shape: readonly number[], dtype: string, values: backend_util.TypedArray): TensorInfo
  disposeIntermediateTensorInfo(info: TensorInfo): void
}

/**
 * Memory of the wasm backend for one call of a kernel: views on its heap. New tensors are not cleared. Where the heap is
 * full, all that the call has made is given back, and it ends with ERR_OUT_OF_MEMORY.
 */
export function wasmMemory(backend: object): Memory {
  const wasm = backend as WasmBackend
  const made = new Set<object>()
  return {
    make: (shape, dtype = 'float32') => {
      const info = wasm.makeOutput(shape, dtype)
      made.add(info.dataId)
      try {
        checkAllocated(wasm, info, 'a gradient kernel')
      } catch (error) {
        for (const id of made) wasm.disposeData(id)
        throw error
      }
      return info
    },
    values: (info) => wasm.typedArrayFromHeap(info),
    dispose: (info) => {
      made.delete(info.dataId)
      wasm.disposeData(info.dataId)
    },
  }
}

/** Memory of the cpu backend: its typed arrays themselves. */
export function cpuMemory(backend: object): Memory {
  const cpu = backend as CpuBackend
  return {
    make: (shape, dtype = 'float32') => {
      const size = shape.reduce((product, n) => product * n, 1)
      return cpu.makeTensorInfo(shape, dtype, dtype === 'int32' ? new Int32Array(size) : new Float32Array(size))
    },
    values: (info) => cpu.data.get(info.dataId).values,
    dispose: (info) => cpu.disposeIntermediateTensorInfo(info),
  }
}
