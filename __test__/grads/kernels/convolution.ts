import { numbers, sizeOf, type Values } from './helper.ts'

export type Pad = 'same' | 'valid' | number | [[number, number], [number, number], [number, number], [number, number]]

/** One convolution; the sizes are chosen small and odd on purpose. */
export interface Case {
  x: [number, number, number, number]
  filter: [number, number, number, number]
  strides: [number, number]
  pad: Pad
  dilations?: [number, number]
}

const explicit = (top: number, bottom: number, left: number, right: number): Pad => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
]

export const cases: Case[] = []
for (const pad of ['same', 'valid', 1, explicit(2, 0, 1, 3)] as Pad[])
  for (const stride of [1, 2, 3]) {
    cases.push({ x: [2, 7, 9, 3], filter: [3, 3, 3, 5], strides: [stride, stride], pad })
    // For a number, tfjs works out both sides from the filter's height and the vertical stride: only squares make sense.
    if (pad === 1) {
      cases.push({ x: [2, 6, 11, 4], filter: [5, 5, 4, 3], strides: [stride, stride], pad })
      continue
    }
    cases.push({ x: [1, 8, 5, 1], filter: [2, 4, 1, 2], strides: [stride, 1], pad })
    cases.push({ x: [3, 5, 6, 2], filter: [1, 1, 2, 1], strides: [stride, stride], pad })
    cases.push({ x: [2, 6, 11, 4], filter: [5, 2, 4, 3], strides: [1, stride], pad })
  }
// Padding wider than the filter, a filter as large as the image, a lone output pixel, and no pixel left over.
cases.push({ x: [2, 4, 4, 2], filter: [2, 2, 2, 3], strides: [1, 1], pad: 3 })
cases.push({ x: [2, 4, 4, 2], filter: [2, 2, 2, 3], strides: [3, 2], pad: explicit(4, 1, 0, 5) })
cases.push({ x: [2, 5, 5, 2], filter: [5, 5, 2, 3], strides: [1, 1], pad: 'valid' })
cases.push({ x: [1, 3, 3, 5], filter: [3, 3, 5, 4], strides: [2, 2], pad: 'valid' })

export const nameOf = (c: Case): string => JSON.stringify(c)

/** [outHeight, outWidth, top, left], worked out from the definitions, not with tfjs. */
export function geometryOf(c: Case): [number, number, number, number] {
  const along = (axis: 0 | 1): [number, number] => {
    const size = c.x[axis === 0 ? 1 : 2]
    const stride = c.strides[axis]
    const reach = (c.filter[axis] - 1) * (c.dilations?.[axis] ?? 1) + 1
    if (c.pad === 'same') {
      const out = Math.ceil(size / stride)
      return [out, Math.floor(Math.max(0, (out - 1) * stride + reach - size) / 2)]
    }
    const [before, after] =
      c.pad === 'valid' ? [0, 0] : typeof c.pad === 'number' ? [c.pad, c.pad] : c.pad[axis === 0 ? 1 : 2]
    return [Math.floor((size + before + after - reach) / stride) + 1, before]
  }
  const [outHeight, top] = along(0)
  const [outWidth, left] = along(1)
  return [outHeight, outWidth, top, left]
}

export function dataOf(c: Case, seed = 1): { x: Values; filter: Values; dy: Values } {
  const draw = numbers(seed)
  const [outHeight, outWidth] = geometryOf(c)
  const of = (shape: number[]): Values => ({ shape, values: draw(sizeOf(shape)) })
  return { x: of(c.x), filter: of(c.filter), dy: of([c.x[0], outHeight, outWidth, c.filter[3]]) }
}

/** Σ dy · conv(x, filter) in float64, by the definition. */
export function dotOfConvolution(
  c: Case,
  x: readonly number[],
  filter: readonly number[],
  dy: readonly number[],
): number {
  const [outHeight, outWidth, top, left] = geometryOf(c)
  const [batch, height, width, inChannels] = c.x
  const [rows, columns, , outChannels] = c.filter
  const [down, across] = c.dilations ?? [1, 1]
  let sum = 0
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < outHeight; p++)
      for (let q = 0; q < outWidth; q++)
        for (let r = 0; r < rows; r++)
          for (let s = 0; s < columns; s++) {
            const h = p * c.strides[0] + r * down - top
            const w = q * c.strides[1] + s * across - left
            if (h < 0 || h >= height || w < 0 || w >= width) continue
            for (let i = 0; i < inChannels; i++)
              for (let k = 0; k < outChannels; k++)
                sum +=
                  x[((n * height + h) * width + w) * inChannels + i]! *
                  filter[((r * columns + s) * inChannels + i) * outChannels + k]! *
                  dy[((n * outHeight + p) * outWidth + q) * outChannels + k]!
          }
  return sum
}
