import type { backend_util, TensorInfo } from '@tensorflow/tfjs-core'

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
}

interface CpuBackend {
  data: { get(dataId: object): { values: backend_util.TypedArray } }
  makeTensorInfo(shape: readonly number[], dtype: string, values: backend_util.TypedArray): TensorInfo
  disposeIntermediateTensorInfo(info: TensorInfo): void
}

/** Memory of the wasm backend: views on its heap. New tensors are not cleared. */
export function wasmMemory(backend: object): Memory {
  const wasm = backend as WasmBackend
  return {
    make: (shape, dtype = 'float32') => wasm.makeOutput(shape, dtype),
    values: (info) => wasm.typedArrayFromHeap(info),
    dispose: (info) => wasm.disposeData(info.dataId),
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
