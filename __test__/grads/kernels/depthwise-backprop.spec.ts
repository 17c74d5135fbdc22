import test from 'ava'
import { type Case, cases, geometryOf, nameOf } from './convolution.ts'
import { centralDifference, close, numbers, runKernel, sizeOf, type Values } from './helper.ts'

const filterKernel = 'DepthwiseConv2dNativeBackpropFilter'
const inputKernel = 'DepthwiseConv2dNativeBackpropInput'

/** The cases of conv2d, their last filter dimension now the channel multiplier. */
function dataOf(c: Case): { x: Values; filter: Values; dy: Values; attrs: object } {
  const draw = numbers(7)
  const [outHeight, outWidth] = geometryOf(c)
  const of = (shape: number[]): Values => ({ shape, values: draw(sizeOf(shape)) })
  const attrs = {
    strides: c.strides,
    pad: c.pad,
    dilations: c.dilations ?? [1, 1],
    filterShape: c.filter,
    inputShape: c.x,
  }
  return { x: of(c.x), filter: of(c.filter), dy: of([c.x[0], outHeight, outWidth, c.x[3] * c.filter[3]]), attrs }
}

for (const c of cases)
  test.serial(`equals the stock cpu kernels: ${nameOf(c)}`, async (t) => {
    const { x, filter, dy, attrs } = dataOf(c)
    const dW = await runKernel('cpu', 'stock', filterKernel, { x, dy }, attrs)
    const dx = await runKernel('cpu', 'stock', inputKernel, { dy, filter }, attrs)
    close(t, await runKernel('cpu', 'ours', filterKernel, { x, dy }, attrs), dW, 'cpu filter')
    close(t, await runKernel('wasm', 'ours', filterKernel, { x, dy }, attrs), dW, 'wasm filter')
    close(t, await runKernel('wasm', 'ours', inputKernel, { dy, filter }, attrs), dx, 'wasm input')
  })

function dot(c: Case, x: readonly number[], filter: readonly number[], dy: readonly number[]): number {
  const [outHeight, outWidth, top, left] = geometryOf(c)
  const [batch, height, width, channels] = c.x
  const [rows, columns, , multiplier] = c.filter
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
            for (let i = 0; i < channels; i++)
              for (let m = 0; m < multiplier; m++)
                sum +=
                  x[((n * height + h) * width + w) * channels + i]! *
                  filter[((r * columns + s) * channels + i) * multiplier + m]! *
                  dy[((n * outHeight + p) * outWidth + q) * channels * multiplier + i * multiplier + m]!
          }
  return sum
}

const differenced: Case[] = [
  { x: [2, 5, 4, 2], filter: [3, 2, 2, 3], strides: [2, 1], pad: 'same' },
  { x: [1, 7, 6, 3], filter: [2, 3, 3, 1], strides: [1, 1], pad: 'valid', dilations: [2, 2] },
]
for (const c of differenced)
  test.serial(`equals differences of the definition: ${nameOf(c)}`, async (t) => {
    const { x, filter, dy, attrs } = dataOf(c)
    const dW = { shape: c.filter, values: centralDifference((v) => dot(c, x.values, v, dy.values), filter.values) }
    const dx = { shape: c.x, values: centralDifference((v) => dot(c, v, filter.values, dy.values), x.values) }
    close(t, await runKernel('cpu', 'ours', filterKernel, { x, dy }, attrs), dW, 'cpu filter')
    close(t, await runKernel('wasm', 'ours', filterKernel, { x, dy }, attrs), dW, 'wasm filter')
    close(t, await runKernel('wasm', 'ours', inputKernel, { dy, filter }, attrs), dx, 'wasm input')
  })
