import { backend_util, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import { cpuMemory, type Memory, wasmMemory } from './memory.ts'
import { type Windows, windowsOf } from './windows.ts'

interface Attributes {
  filterSize: number | [number, number] | [number, number, number]
  strides: number | [number, number] | [number, number, number]
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** Arrays of a pooling's gradient: `dx` is cleared and to be filled. */
export interface Pooling {
  readonly windows: Windows
  readonly x: backend_util.TypedArray
  readonly dy: backend_util.TypedArray
  readonly dx: backend_util.TypedArray
  /** Distance of two rows, and of two planes, of the input. */
  readonly line: number
  readonly plane: number
}

/** A pooling gradient on each backend. */
export type PoolingKernels = Readonly<Record<'wasm' | 'cpu', KernelFunc>>

/** The kernels, for images and volumes on wasm and cpu, of the pooling whose gradient `fill` writes. */
export function poolingKernels(fill: (pooling: Pooling) => void): PoolingKernels {
  const on =
    (memoryOf: (backend: object) => Memory): KernelFunc =>
    ({ inputs, backend, attrs }) => {
      const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo }
      const memory = memoryOf(backend)
      const windows = poolingWindows(input.shape, attrs)
      const result = memory.make(input.shape)
      const dx = memory.values(result).fill(0)
      const line = windows.input[2] * windows.inChannels
      fill({ windows, x: memory.values(input), dy: memory.values(dy), dx, line, plane: windows.input[1] * line })
      return result
    }
  return { wasm: on(wasmMemory), cpu: on(cpuMemory) }
}

/** The windows of a pooling of images or volumes, from a kernel's attributes. */
export function poolingWindows(shape: number[], attrs: Parameters<KernelFunc>[0]['attrs']): Windows {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as Attributes
  return windowsOf(
    shape.length === 5
      ? backend_util.computePool3DInfo(
          shape as [number, number, number, number, number],
          filterSize as number,
          strides as number,
          1,
          pad as 'same',
          dimRoundingMode,
        )
      : backend_util.computePool2DInfo(
          shape as [number, number, number, number],
          filterSize as number,
          strides as number,
          1,
          pad,
          dimRoundingMode,
        ),
  )
}
