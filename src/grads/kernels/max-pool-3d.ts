// y[y] = max x[x] over the elements x of window y, each channel for itself.
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { wasmMemory } from './memory.ts'
import { poolingWindows } from './pooling.ts'
import { forEachWindow } from './windows.ts'

/**
 * Max pooling of volumes on wasm. The stock kernel starts its running maximum at the smallest positive float, as its gradient does.
 * NaN never wins, as on the cpu backend.
 */
export const wasmMaxPool3D: KernelFunc = ({ inputs, backend, attrs }) => {
  const x = inputs.x as TensorInfo
  const memory = wasmMemory(backend)
  const windows = poolingWindows(x.shape, attrs)
  const { batchSize, inChannels, input, output } = windows
  const result = memory.make([batchSize, ...output, inChannels])
  const to = memory.values(result)
  const from = memory.values(x)
  const line = input[2] * inChannels
  forEachWindow(windows, ({ corner, depth, height, width }, y) => {
    for (let c = 0; c < inChannels; c++) {
      let best = Number.NEGATIVE_INFINITY
      for (let k = 0; k < depth; k++)
        for (let i = 0; i < height; i++) {
          const start = corner + c + (k * input[1] + i) * line
          for (let j = 0; j < width; j++) {
            const value = from[start + j * inChannels]!
            if (value > best) best = value
          }
        }
      to[y + c] = best
    }
  })
  return result
}
