import type { backend_util } from '@tensorflow/tfjs-core'

/**
 * How one image is laid out so that every filter tap reads it as one contiguous run.
 *
 * A tap (r, s) of channel c meets the output position (p, q) at x[p·strideH + r − top, q·strideW + s − left, c]. So x is split
 * into strideH·strideW phases (row and column modulo the stride), each channel of each phase one zero-padded plane with rows of
 * `width` floats: there, going to the next output position is going to the next float, whatever the stride. The rows
 * of a plane are longer than the output's; the `width − outWidth` positions between two output rows are to be met with zeros.
 * (A NaN or Infinity in x may so reach taps that it does not meet; the gradient is not finite either way.)
 */
export interface Planes {
  /** Floats per row of a plane. */
  readonly width: number
  /** Floats per plane. */
  readonly size: number
  /** Floats of all planes of an image. */
  readonly total: number
  /** Length of a tap's run: (outHeight − 1)·width + outWidth. */
  readonly positions: number
  /** Where the run of row (tap, channel) of the flat filter starts; filterHeight·filterWidth·inChannels of them. */
  readonly rows: Int32Array
  /** Copies one image, NHWC, from `x` at `from` into `target` at `to`; writes no padding, so clear the planes once. */
  fill(x: backend_util.TypedArray, from: number, target: Float32Array, to: number): void
}

/** The layout for one convolution. */
export function planesOf(info: backend_util.Conv2DInfo): Planes {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = info
  const { top, left } = info.padInfo
  const height = outHeight + Math.floor(((filterHeight - 1) * dilationHeight) / strideHeight)
  const width = outWidth + Math.floor(((filterWidth - 1) * dilationWidth) / strideWidth)
  const size = height * width

  // Only phases that some tap reads: a 1x1 filter of stride 2 needs one of four.
  const down = axis(filterHeight, dilationHeight, strideHeight)
  const across = axis(filterWidth, dilationWidth, strideWidth)
  const plane = (row: number, column: number): number => (row * across.phases.length + column) * inChannels * size
  const rows = new Int32Array(filterHeight * filterWidth * inChannels)
  for (let r = 0, i = 0; r < filterHeight; r++)
    for (let s = 0; s < filterWidth; s++)
      for (let c = 0; c < inChannels; c++, i++)
        rows[i] = plane(down.phase[r]!, across.phase[s]!) + down.shift[r]! * width + across.shift[s]! + c * size

  // Where row h and column w of the image go; −1 for those that no tap reads.
  const rowAt = placesOf(inHeight, top, strideHeight, height, down.phases).map(([phase, i]) =>
    phase < 0 ? -1 : plane(phase, 0) + i * width,
  )
  const columnAt = placesOf(inWidth, left, strideWidth, width, across.phases).map(([phase, j]) =>
    phase < 0 ? -1 : plane(0, phase) + j,
  )
  const fill: Planes['fill'] = (x, from, target, to) => {
    for (let h = 0, source = from; h < inHeight; h++, source += inWidth * inChannels) {
      const line = rowAt[h]!
      if (line < 0) continue
      for (let w = 0, pixel = source; w < inWidth; w++, pixel += inChannels) {
        const column = columnAt[w]!
        if (column < 0) continue
        for (let c = 0, at = to + line + column; c < inChannels; c++, at += size) target[at] = x[pixel + c]!
      }
    }
  }
  return {
    width,
    size,
    total: plane(down.phases.length, 0),
    positions: (outHeight - 1) * width + outWidth,
    rows,
    fill,
  }
}

/** Along one axis: the phases that are read, and for each tap which of them and how far along its planes. */
function axis(taps: number, dilation: number, stride: number): { phases: number[]; phase: number[]; shift: number[] } {
  const reach = Array.from({ length: taps }, (_, r) => r * dilation)
  const phases = [...new Set(reach.map((r) => r % stride))]
  return {
    phases,
    phase: reach.map((r) => phases.indexOf(r % stride)),
    shift: reach.map((r) => Math.floor(r / stride)),
  }
}

/** [which phase, which index in it] of each of `size` rows or columns; the phase is −1 where nothing reads it. */
function placesOf(size: number, pad: number, stride: number, length: number, phases: number[]): [number, number][] {
  return Array.from({ length: size }, (_, i) => {
    const index = Math.floor((i + pad) / stride)
    return [index < length ? phases.indexOf((i + pad) % stride) : -1, index]
  })
}
