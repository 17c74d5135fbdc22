import type { backend_util } from '@tensorflow/tfjs-core'

type Triple = readonly [depth: number, height: number, width: number]

/** Where the windows of a convolution or a pooling lie on their input; an image is a volume of depth 1. */
export interface Windows {
  readonly batchSize: number
  readonly inChannels: number
  readonly outChannels: number
  readonly input: Triple
  readonly output: Triple
  readonly filter: Triple
  readonly stride: Triple
  readonly dilation: Triple
  /** Padding in front of the first element. */
  readonly before: Triple
}

/** The windows that tfjs works out from shapes and attributes. */
export function windowsOf(info: backend_util.Conv2DInfo | backend_util.Conv3DInfo): Windows {
  const { batchSize, inChannels, outChannels, padInfo } = info
  const volume = 'inDepth' in info ? info : null
  return {
    batchSize,
    inChannels,
    outChannels,
    input: [volume?.inDepth ?? 1, info.inHeight, info.inWidth],
    output: [volume?.outDepth ?? 1, info.outHeight, info.outWidth],
    filter: [volume?.filterDepth ?? 1, info.filterHeight, info.filterWidth],
    stride: [volume?.strideDepth ?? 1, info.strideHeight, info.strideWidth],
    dilation: [volume?.dilationDepth ?? 1, info.dilationHeight, info.dilationWidth],
    before: [volume?.padInfo.front ?? 0, padInfo.top, padInfo.left],
  }
}

/**
 * Visits every meeting of a filter tap with an output position: where the channels of its input element start, the tap's
 * number, and where the channels of its output position start.
 */
export function forEachMeeting(windows: Windows, visit: (x: number, tap: number, y: number) => void): void {
  const { batchSize, inChannels, outChannels, input, output, filter, stride, dilation, before } = windows
  for (let n = 0, y = 0; n < batchSize; n++)
    for (let o = 0; o < output[0]; o++)
      for (let p = 0; p < output[1]; p++)
        for (let q = 0; q < output[2]; q++, y += outChannels)
          for (let t = 0, tap = 0; t < filter[0]; t++) {
            const d = o * stride[0] + t * dilation[0] - before[0]
            for (let r = 0; r < filter[1]; r++) {
              const h = p * stride[1] + r * dilation[1] - before[1]
              for (let s = 0; s < filter[2]; s++, tap++) {
                const w = q * stride[2] + s * dilation[2] - before[2]
                const inside = d >= 0 && d < input[0] && h >= 0 && h < input[1] && w >= 0 && w < input[2]
                if (inside) visit((((n * input[0] + d) * input[1] + h) * input[2] + w) * inChannels, tap, y)
              }
            }
          }
}

/** One window of a pooling, without what lies in the padding; the same object at every visit. */
export interface Window {
  /** Where the channels of its first element start. */
  corner: number
  /** Elements along each axis; 0 where all of it is padding. */
  depth: number
  height: number
  width: number
}

/** Visits every window of an undilated pooling, and where the channels of its output position start. */
export function forEachWindow(windows: Windows, visit: (window: Window, y: number) => void): void {
  const { batchSize, inChannels, input, output, filter, stride, before } = windows
  const window = { corner: 0, depth: 0, height: 0, width: 0 }
  const first = (axis: 0 | 1 | 2, at: number) => Math.max(0, at * stride[axis] - before[axis])
  const span = (axis: 0 | 1 | 2, at: number, start: number) =>
    Math.max(0, Math.min(input[axis], at * stride[axis] - before[axis] + filter[axis]) - start)
  for (let n = 0, y = 0; n < batchSize; n++)
    for (let o = 0; o < output[0]; o++) {
      const d = first(0, o)
      window.depth = span(0, o, d)
      for (let p = 0; p < output[1]; p++) {
        const h = first(1, p)
        window.height = span(1, p, h)
        for (let q = 0; q < output[2]; q++, y += inChannels) {
          const w = first(2, q)
          window.width = span(2, q, w)
          window.corner = (((n * input[0] + d) * input[1] + h) * input[2] + w) * inChannels
          visit(window, y)
        }
      }
    }
}
