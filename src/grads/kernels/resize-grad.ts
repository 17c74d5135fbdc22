// An output pixel (p, q) is a mean of input pixels: dx[h, w] = Σ dy[p, q] · (weight of (h, w) in the mean). Both means are products of
// one along each axis, so each axis is worked out once.
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { cpuMemory, type Memory, wasmMemory } from './memory.ts'

interface Resize {
  alignCorners: boolean
  halfPixelCenters?: boolean
}

/** Along one axis, for each output index: the two input indices it reads, and the weight of the second. */
interface Axis {
  readonly low: Int32Array
  readonly high: Int32Array
  readonly part: Float64Array
}

type Sample = (
  index: number,
  scale: number,
  last: number,
  attrs: Resize,
) => readonly [low: number, high: number, part: number]

const nearest: Sample = (index, scale, last, { alignCorners, halfPixelCenters }) => {
  const position = halfPixelCenters ? scale * (index + 0.5) : scale * index
  const at = Math.min(last, alignCorners ? Math.round(position) : Math.floor(position))
  return [at, at, 0]
}

const bilinear: Sample = (index, scale, last, { halfPixelCenters }) => {
  const position = halfPixelCenters ? scale * (index + 0.5) - 0.5 : scale * index
  const low = Math.max(0, Math.floor(position))
  const high = Math.max(0, Math.min(last, Math.ceil(position)))
  return [low, high, high > low ? position - low : 0]
}

function axisOf(input: number, output: number, sample: Sample, attrs: Resize): Axis {
  const inner = attrs.alignCorners && output > 1 ? 1 : 0
  const scale = (input - inner) / (output - inner)
  const axis = { low: new Int32Array(output), high: new Int32Array(output), part: new Float64Array(output) }
  for (let i = 0; i < output; i++) {
    const [low, high, part] = sample(i, scale, input - 1, attrs)
    axis.low[i] = low
    axis.high[i] = high
    axis.part[i] = part
  }
  return axis
}

function resizeGradient(
  memory: Memory,
  { images, dy }: { images: TensorInfo; dy: TensorInfo },
  sample: Sample,
  attrs: Resize,
): TensorInfo {
  const [batch, inHeight, inWidth, channels] = images.shape as [number, number, number, number]
  const [, outHeight, outWidth] = dy.shape as [number, number, number, number]
  const rows = axisOf(inHeight, outHeight, sample, attrs)
  const columns = axisOf(inWidth, outWidth, sample, attrs)
  const result = memory.make(images.shape)
  const dx = memory.values(result).fill(0)
  const dys = memory.values(dy)
  for (let n = 0, y = 0; n < batch; n++)
    for (let p = 0; p < outHeight; p++) {
      const top = (n * inHeight + rows.low[p]!) * inWidth
      const bottom = (n * inHeight + rows.high[p]!) * inWidth
      const down = rows.part[p]!
      for (let q = 0; q < outWidth; q++) {
        const [left, right, across] = [columns.low[q]!, columns.high[q]!, columns.part[q]!]
        let [a, b] = [(top + left) * channels, (top + right) * channels]
        let [c, d] = [(bottom + left) * channels, (bottom + right) * channels]
        const [atA, atB] = [(1 - down) * (1 - across), (1 - down) * across]
        const [atC, atD] = [down * (1 - across), down * across]
        const end = y + channels
        if (down === 0 && across === 0) for (; y < end; y++, a++) dx[a]! += dys[y]!
        else
          for (; y < end; y++, a++, b++, c++, d++) {
            const value = dys[y]!
            dx[a]! += value * atA
            dx[b]! += value * atB
            dx[c]! += value * atC
            dx[d]! += value * atD
          }
      }
    }
  return result
}

type Inputs = Parameters<typeof resizeGradient>[1]

const on =
  (memoryOf: (backend: object) => Memory, sample: Sample): KernelFunc =>
  ({ inputs, backend, attrs }) =>
    resizeGradient(memoryOf(backend), inputs as Inputs, sample, attrs as unknown as Resize)

type Kernels = Readonly<Record<'cpu' | 'wasm', KernelFunc>>

/**
 * Gradient of nearest-neighbour resizing. The stock cpu kernel steps through dy by the sizes of dx; the one of wasm knows no half-pixel
 * centres and divides by zero with aligned corners from a side of 1.
 */
export const resizeNearestGrad: Kernels = { cpu: on(cpuMemory, nearest), wasm: on(wasmMemory, nearest) }

/** Gradient of bilinear resizing. The stock cpu kernel swaps height and width; the one of wasm knows no half-pixel centres. */
export const resizeBilinearGrad: Kernels = { cpu: on(cpuMemory, bilinear), wasm: on(wasmMemory, bilinear) }
