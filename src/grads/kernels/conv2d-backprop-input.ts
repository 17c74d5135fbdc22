// dx[n, h, w, c] = Σ dy[n, p, q, k] · W[r, s, c, k] over the taps with p·stride + r − top = h and q·stride + s − left = w.
import { backend_util, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import { wasmMemory } from './memory.ts'
import { stockKernel } from './stock.ts'

interface ConvolutionInput {
  strides: number | [number, number]
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  dataFormat?: 'NHWC' | 'NCHW'
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
  inputShape: [number, number, number, number]
}

/** Floats of one product of taps: 16 MiB of scratch at most, unless a single image needs more. */
const SCRATCH = 2 ** 22

/**
 * Input gradient on wasm. The stock kernel is a plain loop (0.7 G multiply-adds a second); the two ways here run in XNNPACK: at
 * stride 1 a convolution of dy with the turned filter, else a product of dy with the filter whose taps are then added where they belong.
 */
export const wasmConv2DBackpropInput: KernelFunc = (params) => {
  const { dy, filter } = params.inputs as { dy: TensorInfo; filter: TensorInfo }
  const { strides, pad, dimRoundingMode, inputShape, dataFormat = 'NHWC' } = params.attrs as unknown as ConvolutionInput
  if (dataFormat !== 'NHWC') return stockKernel('Conv2DBackpropInput', 'wasm')(params)
  const shape = filter.shape as [number, number, number, number]
  const info = backend_util.computeConv2DInfo(inputShape, shape, strides, 1, pad, dimRoundingMode)
  const top = info.filterHeight - 1 - info.padInfo.top
  const left = info.filterWidth - 1 - info.padInfo.left
  const bottom = info.inHeight - info.outHeight - top + info.filterHeight - 1
  const right = info.inWidth - info.outWidth - left + info.filterWidth - 1
  const stride1 = info.strideHeight === 1 && info.strideWidth === 1
  // A padding wider than the filter would have to crop dy, which only the second way can.
  if (stride1 && Math.min(top, left, bottom, right) >= 0)
    return byConvolution(params.backend, info, dy, filter, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ])
  return byProduct(params.backend, info, dy, filter)
}

function byConvolution(
  backend: object,
  info: backend_util.Conv2DInfo,
  dy: TensorInfo,
  filter: TensorInfo,
  pad: number[][],
): TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels } = info
  const memory = wasmMemory(backend)
  const turned = memory.make([filterHeight, filterWidth, outChannels, inChannels])
  const from = memory.values(filter)
  const to = memory.values(turned)
  const taps = filterHeight * filterWidth
  for (let tap = 0, source = 0; tap < taps; tap++)
    for (let c = 0; c < inChannels; c++)
      for (let k = 0; k < outChannels; k++, source++)
        to[((taps - 1 - tap) * outChannels + k) * inChannels + c] = from[source]!
  const dx = stockKernel(
    'Conv2D',
    'wasm',
  )({
    inputs: { x: dy, filter: turned },
    backend,
    attrs: { strides: 1, pad, dilations: 1, dataFormat: 'NHWC' },
  }) as TensorInfo
  memory.dispose(turned)
  return dx
}

function byProduct(backend: object, info: backend_util.Conv2DInfo, dy: TensorInfo, filter: TensorInfo): TensorInfo {
  const { batchSize, outHeight, outWidth, outChannels } = info
  const memory = wasmMemory(backend)
  const columns = info.filterHeight * info.filterWidth * info.inChannels
  const pixels = outHeight * outWidth
  const dx = memory.make(info.inShape)
  const transposed = stockKernel(
    'Transpose',
    'wasm',
  )({
    inputs: { x: { ...filter, shape: [columns, outChannels] } },
    backend,
    attrs: { perm: [1, 0] },
  }) as TensorInfo
  memory.values(dx).fill(0)
  const chunk = Math.max(1, Math.min(batchSize, Math.floor(SCRATCH / (pixels * columns))))
  try {
    for (let first = 0; first < batchSize; first += chunk) {
      const images = Math.min(chunk, batchSize - first)
      const part = memory.make([images * pixels, outChannels])
      const from = first * pixels * outChannels
      memory.values(part).set(memory.values(dy).subarray(from, from + images * pixels * outChannels))
      const taps = stockKernel(
        'BatchMatMul',
        'wasm',
      )({
        inputs: { a: part, b: transposed },
        backend,
        attrs: { transposeA: false, transposeB: false },
      }) as TensorInfo
      addTaps(info, memory.values(taps), memory.values(dx), first, images)
      memory.dispose(part)
      memory.dispose(taps)
    }
  } finally {
    memory.dispose(transposed)
  }
  return dx
}

/** Adds taps[n, p, q, r, s, c] to dx[first + n, p·stride + r − top, q·stride + s − left, c]. */
function addTaps(
  info: backend_util.Conv2DInfo,
  taps: backend_util.TypedArray,
  dx: backend_util.TypedArray,
  first: number,
  images: number,
): void {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info
  let source = 0
  for (let n = first; n < first + images; n++)
    for (let p = 0; p < outHeight; p++)
      for (let q = 0; q < outWidth; q++)
        for (let r = 0; r < filterHeight; r++) {
          const h = p * info.strideHeight + r - info.padInfo.top
          if (h < 0 || h >= inHeight) {
            source += filterWidth * inChannels
            continue
          }
          for (let s = 0; s < filterWidth; s++) {
            const w = q * info.strideWidth + s - info.padInfo.left
            if (w < 0 || w >= inWidth) {
              source += inChannels
              continue
            }
            const target = ((n * inHeight + h) * inWidth + w) * inChannels
            for (let c = 0; c < inChannels; c++) dx[target + c]! += taps[source++]!
          }
        }
}
