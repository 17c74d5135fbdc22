import test from 'ava'
import { type Case, cases, dataOf, dotOfConvolution, nameOf } from './convolution.ts'
import { centralDifference, close, runKernel } from './helper.ts'

const attrsOf = (c: Case) => ({ strides: c.strides, pad: c.pad, dataFormat: 'NHWC', inputShape: c.x })
const name = 'Conv2DBackpropInput'

for (const c of cases)
  test.serial(`equals the stock cpu kernel: ${nameOf(c)}`, async (t) => {
    const { filter, dy } = dataOf(c)
    const expected = await runKernel('cpu', 'stock', name, { dy, filter }, attrsOf(c))
    close(t, await runKernel('wasm', 'ours', name, { dy, filter }, attrsOf(c)), expected, 'wasm')
  })

const differenced: Case[] = [
  { x: [2, 5, 4, 2], filter: [3, 2, 2, 3], strides: [1, 1], pad: 'same' },
  { x: [1, 6, 5, 2], filter: [3, 3, 2, 2], strides: [2, 3], pad: 'same' },
  { x: [2, 4, 3, 2], filter: [2, 2, 2, 3], strides: [1, 1], pad: 2 },
]
for (const c of differenced)
  test.serial(`equals differences of the definition: ${nameOf(c)}`, async (t) => {
    const { x, filter, dy } = dataOf(c, 2)
    const values = centralDifference((v) => dotOfConvolution(c, v, filter.values, dy.values), x.values)
    close(t, await runKernel('wasm', 'ours', name, { dy, filter }, attrsOf(c)), { shape: c.x, values }, 'wasm')
  })

test.serial('strided layers larger than the scratch go in several products', async (t) => {
  // 6 · 96 · 96 · 9 · 9 floats of taps: one product holds 5 images.
  const c: Case = { x: [6, 191, 191, 9], filter: [3, 3, 9, 1], strides: [2, 2], pad: 'same' }
  const { filter, dy } = dataOf(c)
  const expected = await runKernel('cpu', 'stock', name, { dy, filter }, attrsOf(c))
  close(t, await runKernel('wasm', 'ours', name, { dy, filter }, attrsOf(c)), expected, 'wasm')
})

test.serial('NCHW goes to the stock kernel', async (t) => {
  const filter = { shape: [2, 2, 2, 1], values: [1, 2, 3, 4, 5, 6, 7, 8] }
  const dy = { shape: [1, 1, 2, 2], values: [1, 2, 3, 4] }
  const attrs = { strides: [1, 1], pad: 'valid', dataFormat: 'NCHW', inputShape: [1, 2, 3, 3] }
  const expected = await runKernel('cpu', 'stock', name, { dy, filter }, attrs)
  close(t, await runKernel('wasm', 'ours', name, { dy, filter }, attrs), expected, 'wasm')
})
