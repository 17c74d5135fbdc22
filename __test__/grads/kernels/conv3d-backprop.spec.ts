import test from 'ava'
import { centralDifference, close, numbers, runKernel, sizeOf } from './helper.ts'
import { axisOf, forEachElement, inputOf, outputOf } from './volumes.ts'

interface Case {
  size: number[]
  window: number[]
  channels: [number, number]
  strides: [number, number, number]
  pad: 'same' | 'valid'
}

const cases: Case[] = []
for (const pad of ['same', 'valid'] as const) {
  cases.push({ size: [4, 3, 5], window: [2, 3, 2], channels: [2, 3], strides: [1, 1, 1], pad })
  cases.push({ size: [5, 4, 3], window: [3, 2, 1], channels: [1, 2], strides: [2, 1, 2], pad })
  cases.push({ size: [3, 3, 3], window: [3, 3, 3], channels: [2, 1], strides: [1, 1, 1], pad })
  cases.push({ size: [4, 4, 5], window: [1, 1, 1], channels: [3, 2], strides: [2, 3, 1], pad })
}

for (const c of cases)
  test.serial(`equals differences of the definition and the stock cpu kernels: ${JSON.stringify(c)}`, async (t) => {
    const [inChannels, outChannels] = c.channels
    const axes = c.size.map((n, axis) => axisOf(n, c.window[axis]!, c.strides[axis]!, c.pad, true))
    const draw = numbers(3)
    const of = (shape: number[]) => ({ shape, values: draw(sizeOf(shape)) })
    const x = of([2, ...c.size, inChannels])
    const filter = of([...c.window, inChannels, outChannels])
    const dy = of([2, ...axes.map(({ out }) => out), outChannels])
    const dot = (xs: readonly number[], weights: readonly number[]): number => {
      let sum = 0
      for (const n of [0, 1])
        forEachElement(axes, (y, at, tap) => {
          for (let i = 0; i < inChannels; i++)
            for (let k = 0; k < outChannels; k++)
              sum +=
                xs[(n * inputOf(axes) + at) * inChannels + i]! *
                weights[(tap * inChannels + i) * outChannels + k]! *
                dy.values[(n * outputOf(axes) + y) * outChannels + k]!
        })
      return sum
    }
    const attrs = { strides: c.strides, pad: c.pad, filterShape: filter.shape, inputShape: x.shape }
    const byFilter = ['Conv3DBackpropFilterV2', { x, dy }] as const
    const byInput = ['Conv3DBackpropInputV2', { dy, filter }] as const
    const dW = await runKernel('wasm', 'ours', ...byFilter, attrs)
    const dx = await runKernel('wasm', 'ours', ...byInput, attrs)
    close(t, dW, { shape: filter.shape, values: centralDifference((w) => dot(x.values, w), filter.values) }, 'filter')
    close(t, dx, { shape: x.shape, values: centralDifference((v) => dot(v, filter.values), x.values) }, 'input')
    close(t, dW, await runKernel('cpu', 'stock', ...byFilter, attrs), 'filter, stock cpu', 1e-5)
    close(t, dx, await runKernel('cpu', 'stock', ...byInput, attrs), 'input, stock cpu', 1e-5)
  })
