// dx[n, h, w, c] = Σ dy[n, p, q, c] over the windows (p, q) whose maximum lies at (h, w).
import { backend_util, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import { cpuMemory, type Memory, wasmMemory } from './memory.ts'

interface Pooling {
  filterSize: number | [number, number]
  strides: number | [number, number]
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/**
 * Max-pool gradient. The stock wasm kernel starts its running maximum at the smallest positive float, so a window without a
 * positive value gets no gradient. Here, as on the cpu backend: each window's dy goes to one element, the first maximum in row
 * order; NaN never wins; a window of nothing but NaN or −Infinity has no winner.
 */
function maxPoolGrad(memory: Memory, inputs: { dy: TensorInfo; input: TensorInfo }, attrs: Pooling): TensorInfo {
  const shape = inputs.input.shape as [number, number, number, number]
  const info = backend_util.computePool2DInfo(
    shape,
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  )
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth } = info
  const { strideHeight, strideWidth, filterHeight, filterWidth } = info
  const { top, left } = info.padInfo

  const result = memory.make(shape)
  const dx = memory.values(result)
  const dy = memory.values(inputs.dy)
  const x = memory.values(inputs.input)
  dx.fill(0)
  const line = inWidth * inChannels
  let source = 0
  for (let n = 0; n < batchSize; n++)
    for (let p = 0; p < outHeight; p++) {
      const row = p * strideHeight - top
      const firstRow = Math.max(0, row)
      const rows = Math.min(inHeight, row + filterHeight) - firstRow
      for (let q = 0; q < outWidth; q++) {
        const column = q * strideWidth - left
        const firstColumn = Math.max(0, column)
        const span = (Math.min(inWidth, column + filterWidth) - firstColumn) * inChannels
        const corner = ((n * inHeight + firstRow) * inWidth + firstColumn) * inChannels
        for (let c = 0; c < inChannels; c++, source++) {
          let best = Number.NEGATIVE_INFINITY
          let winner = -1
          for (let i = 0, start = corner + c; i < rows; i++, start += line)
            for (let at = start; at < start + span; at += inChannels) {
              const value = x[at]!
              if (value > best) {
                best = value
                winner = at
              }
            }
          if (winner >= 0) dx[winner]! += dy[source]!
        }
      }
    }
  return result
}

/** Max-pool gradient on wasm, right also for windows without a positive value. */
export const wasmMaxPoolGrad: KernelFunc = ({ inputs, backend, attrs }) =>
  maxPoolGrad(wasmMemory(backend), inputs as Parameters<typeof maxPoolGrad>[1], attrs as unknown as Pooling)

/** The same loop on cpu, where the stock kernel is right but visits every window once per element. */
export const cpuMaxPoolGrad: KernelFunc = ({ inputs, backend, attrs }) =>
  maxPoolGrad(cpuMemory(backend), inputs as Parameters<typeof maxPoolGrad>[1], attrs as unknown as Pooling)
