import test from 'ava'
import { backends } from '../../helpers/backends.ts'
import { centralDifference, close, numbers, runKernel, sizeOf } from './helper.ts'
import { type Axis, axisOf, forEachElement, inputOf, outputOf, type Pad } from './volumes.ts'

interface Pool {
  size: number[]
  filterSize: number[]
  strides: number[]
  pad: Pad
}

const pools: Pool[] = []
for (const pad of ['same', 'valid', 1] as Pad[])
  for (const stride of [1, 2, 3]) {
    pools.push({ size: [7, 6], filterSize: [3, 3], strides: [stride, stride], pad })
    pools.push({ size: [4, 5, 3], filterSize: [2, 2, 2], strides: [stride, stride, stride], pad })
    // For a number, tfjs works out both sides from the first axis.
    if (pad === 1) continue
    pools.push({ size: [5, 9], filterSize: [2, 4], strides: [stride, 1], pad })
    pools.push({ size: [3, 5, 4], filterSize: [1, 3, 2], strides: [1, stride, 2], pad })
  }

const axesOf = ({ size, filterSize, strides, pad }: Pool): Axis[] =>
  size.map((n, axis) => axisOf(n, filterSize[axis]!, strides[axis]!, pad, size.length === 3))

/** The pooled values of each window of one channel, by the definition. */
function windowsOf(axes: Axis[], x: readonly number[]): number[][] {
  const windows = Array.from({ length: outputOf(axes) }, (): number[] => [])
  forEachElement(axes, (y, at) => windows[y]!.push(x[at]!))
  return windows
}

const means = (values: number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length
const definitions = {
  AvgPoolGrad: { rank: 2, reduce: means },
  AvgPool3DGrad: { rank: 3, reduce: means },
  MaxPoolGrad: { rank: 2, reduce: (values: number[]) => Math.max(...values) },
  MaxPool3DGrad: { rank: 3, reduce: (values: number[]) => Math.max(...values) },
}
for (const [name, { rank, reduce }] of Object.entries(definitions))
  for (const pool of pools.filter(({ size }) => size.length === rank))
    test.serial(`${name}: equals differences of the definition, ${JSON.stringify(pool)}`, async (t) => {
      const axes = axesOf(pool)
      const dy = numbers(9)(outputOf(axes))
      const loss = (x: readonly number[]) =>
        windowsOf(axes, x).reduce((sum, values, y) => sum + (values.length > 0 ? reduce(values) * dy[y]! : 0), 0)
      // Mostly negative: where the stock wasm kernels for maxima fail.
      const x = numbers(6)(inputOf(axes)).map((v) => v - 0.9)
      const expected = centralDifference(loss, x, 1e-6)
      // Two examples of two channels: the second channel holds the first one's numbers reversed, so its gradient is known too.
      const inputs = {
        dy: interleaved(dy, [...dy].reverse(), [2, ...axes.map(({ out }) => out), 2]),
        input: interleaved(x, [...x].reverse(), [2, ...pool.size, 2]),
        output: interleaved(dy, dy, [2, ...axes.map(({ out }) => out), 2]),
      }
      const turns = turned(axes)
      for (const backend of ['cpu', 'wasm'] as const) {
        const { shape, values } = await runKernel(backend, 'ours', name, inputs, pool)
        const one = (example: number, channel: number) => ({
          shape: [expected.length],
          values: Array.from(expected, (_, i) => values[(example * expected.length + i) * 2 + channel]!),
        })
        t.deepEqual(shape, inputs.input.shape)
        for (const example of [0, 1]) {
          close(t, one(example, 0), { shape: [expected.length], values: expected }, `${backend}, example ${example}`)
          if (turns)
            close(
              t,
              one(example, 1),
              { shape: [expected.length], values: [...expected].reverse() },
              `${backend}, turned`,
            )
        }
      }
    })

/** Does the pooling look the same from the other end? */
const turned = (axes: Axis[]): boolean =>
  axes.every(({ size, out, window, stride, before }) => (out - 1) * stride + window - size === 2 * before)

function interleaved(first: readonly number[], second: readonly number[], shape: number[]) {
  const length = sizeOf(shape) / 4
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => (i % 2 === 0 ? first : second)[(i >> 1) % length]!)
  return { shape, values }
}

const withTensorflow = backends.includes('tensorflow') ? test.serial : test.skip
for (const [name, { rank }] of Object.entries(definitions))
  withTensorflow(`${name}: equals TensorFlow`, async (t) => {
    for (const pool of pools.filter(({ size, pad }) => size.length === rank && pad !== 1)) {
      const axes = axesOf(pool)
      if (axes.some(({ before }) => before < 0)) continue
      const out = [2, ...axes.map((axis) => axis.out), 3]
      const size = [2, ...pool.size, 3]
      const input = { shape: size, values: numbers(3)(sizeOf(size)) }
      // TensorFlow wants the maxima as well.
      const maxima = Array.from({ length: sizeOf(out) }, () => Number.NEGATIVE_INFINITY)
      for (const n of [0, 1])
        forEachElement(axes, (y, x) => {
          for (const c of [0, 1, 2]) {
            const to = (n * outputOf(axes) + y) * 3 + c
            maxima[to] = Math.max(maxima[to]!, input.values[(n * inputOf(axes) + x) * 3 + c]!)
          }
        })
      const inputs = {
        dy: { shape: out, values: numbers(4)(sizeOf(out)) },
        input,
        output: { shape: out, values: maxima },
      }
      const expected = await runKernel('tensorflow', 'stock', name, inputs, pool)
      for (const backend of ['cpu', 'wasm'] as const)
        close(
          t,
          await runKernel(backend, 'ours', name, inputs, pool),
          expected,
          `${backend} ${JSON.stringify(pool)}`,
          1e-5,
        )
    }
  })

test.serial(
  'MaxPool3D: equals the definition and stock cpu, also with NaN, which never wins, and nothing but −Infinity',
  async (t) => {
    for (const pool of pools.filter(({ size }) => size.length === 3)) {
      const axes = axesOf(pool)
      const shape = [1, ...pool.size, 1]
      for (const odd of [Number.NaN, Number.NEGATIVE_INFINITY, -0.5]) {
        const x = numbers(6)(inputOf(axes)).map((v, i) =>
          i % 5 === 0 || odd === Number.NEGATIVE_INFINITY ? odd : v - 0.9,
        )
        const values = windowsOf(axes, x).map((window) => Math.max(...window))
        const actual = await runKernel('wasm', 'ours', 'MaxPool3D', { x: { shape, values: x } }, pool)
        if (!Number.isNaN(odd)) t.deepEqual(actual.values, values.map(Math.fround))
        t.deepEqual(actual, await runKernel('cpu', 'stock', 'MaxPool3D', { x: { shape, values: x } }, pool))
      }
    }
  },
)
