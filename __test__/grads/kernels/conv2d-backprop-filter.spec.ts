import test from 'ava'
import { SaltflatError } from '../../../src/errors.ts'
import { type Case, cases, dataOf, dotOfConvolution, nameOf } from './convolution.ts'
import { centralDifference, close, runKernel } from './helper.ts'

const attrsOf = (c: Case) => ({
  strides: c.strides,
  pad: c.pad,
  dataFormat: 'NHWC',
  filterShape: c.filter,
  ...(c.dilations && { dilations: c.dilations }),
})
const name = 'Conv2DBackpropFilter'

for (const c of cases)
  test.serial(`equals the stock cpu kernel: ${nameOf(c)}`, async (t) => {
    const { x, dy } = dataOf(c)
    const expected = await runKernel('cpu', 'stock', name, { x, dy }, attrsOf(c))
    for (const backend of ['cpu', 'wasm'] as const)
      close(t, await runKernel(backend, 'ours', name, { x, dy }, attrsOf(c)), expected, backend)
  })

const differenced: Case[] = [
  { x: [2, 5, 4, 2], filter: [3, 2, 2, 3], strides: [1, 1], pad: 'same' },
  { x: [1, 6, 5, 2], filter: [3, 3, 2, 2], strides: [2, 3], pad: 'same' },
  { x: [2, 7, 6, 1], filter: [2, 3, 1, 3], strides: [1, 1], pad: 'same', dilations: [2, 2] },
  { x: [1, 9, 8, 2], filter: [3, 2, 2, 1], strides: [1, 1], pad: 'valid', dilations: [2, 1] },
  { x: [1, 9, 9, 2], filter: [3, 3, 2, 3], strides: [3, 3], pad: 1, dilations: [2, 2] },
  { x: [1, 8, 9, 2], filter: [3, 2, 2, 3], strides: [3, 2], pad: 'same', dilations: [1, 2] },
]
for (const c of differenced)
  test.serial(`equals differences of the definition: ${nameOf(c)}`, async (t) => {
    const { x, filter, dy } = dataOf(c, 2)
    const values = centralDifference((f) => dotOfConvolution(c, x.values, f, dy.values), filter.values)
    for (const backend of ['cpu', 'wasm'] as const)
      close(t, await runKernel(backend, 'ours', name, { x, dy }, attrsOf(c)), { shape: c.filter, values }, backend)
  })

test.serial('a batch that wasm must take in several products, the last one shorter', async (t) => {
  const c: Case = { x: [23, 28, 28, 2], filter: [3, 3, 2, 3], strides: [1, 1], pad: 'same' }
  const { x, dy } = dataOf(c)
  const expected = await runKernel('cpu', 'stock', name, { x, dy }, attrsOf(c))
  for (const backend of ['cpu', 'wasm'] as const)
    close(t, await runKernel(backend, 'ours', name, { x, dy }, attrsOf(c)), expected, backend, 1e-5)
})

test.serial('NCHW: cpu hands over to the stock kernel, wasm says it cannot', async (t) => {
  const x = { shape: [1, 2, 3, 3], values: Array.from({ length: 18 }, (_, i) => i) }
  const dy = { shape: [1, 1, 2, 2], values: [1, 2, 3, 4] }
  const attrs = { strides: [1, 1], pad: 'valid', dataFormat: 'NCHW', filterShape: [2, 2, 2, 1] }
  const expected = await runKernel('cpu', 'stock', name, { x, dy }, attrs)
  close(t, await runKernel('cpu', 'ours', name, { x, dy }, attrs), expected, 'cpu')
  const error = await t.throwsAsync(() => runKernel('wasm', 'ours', name, { x, dy }, attrs))
  t.true(error instanceof SaltflatError && error.code === 'ERR_UNSUPPORTED')
  t.regex(error?.message ?? '', /does not support dataFormat:'channelsFirst'/)
})
