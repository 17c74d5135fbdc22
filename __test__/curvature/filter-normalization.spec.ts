import test from 'ava'
import { normalizeFilters } from '../../src/curvature/filter-normalization.ts'
import { backends, tf } from '../helpers/backends.ts'

const wave = (size: number, phase: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(3 * i + phase))

/** Norms over all axes but those that number the filters. */
function norms(values: Float32Array, shape: number[], filterAxes: number[]): Float32Array {
  return tf.tidy(() => {
    const others = shape.map((_, axis) => axis).filter((axis) => !filterAxes.includes(axis))
    return tf.sqrt(tf.sum(tf.square(tf.tensor(values.slice(), shape)), others)).dataSync() as Float32Array
  })
}

/** Layers, and the axes of their kernel that number its filters: one for each output. */
const layers: [string, () => tf.layers.Layer, number[]][] = [
  ['dense', () => tf.layers.dense({ units: 3, inputShape: [4] }), [1]],
  ['conv2d', () => tf.layers.conv2d({ filters: 3, kernelSize: 2, inputShape: [5, 5, 2] }), [3]],
  ['conv1d', () => tf.layers.conv1d({ filters: 3, kernelSize: 2, inputShape: [5, 2] }), [2]],
  [
    'depthwiseConv2d',
    () => tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 3, inputShape: [5, 5, 2] }),
    [2, 3],
  ],
  ['conv2dTranspose', () => tf.layers.conv2dTranspose({ filters: 3, kernelSize: 2, inputShape: [5, 5, 2] }), [2]],
  ['embedding', () => tf.layers.embedding({ inputDim: 5, outputDim: 3, inputLength: 2 }), [0]],
]

for (const [name, make, axes] of layers) {
  test.serial(`filters of ${name} get the norms of the weights, and keep their direction`, async (t) => {
    await tf.setBackend(backends[0]!)
    const model = tf.sequential({ layers: [make()] })
    const variables = model.trainableWeights.map((one) => one.read() as tf.Variable)
    const weights = variables.map(({ size }) => wave(size, 1))
    for (const vectors of ['zero', 'normalize'] as const) {
      const before = variables.map(({ size }, i) => wave(size, 2 + i))
      const after = before.map((values) => values.slice())
      normalizeFilters(after, weights, variables, vectors)
      const kernel = variables[0]!.shape
      const [expected, found] = [norms(weights[0]!, kernel, axes), norms(after[0]!, kernel, axes)]
      t.is(
        found.length,
        axes.reduce((product, axis) => product * kernel[axis]!, 1),
      )
      for (const [i, norm] of expected.entries()) t.true(Math.abs(found[i]! - norm) < 1e-5 * norm)
      // Within a filter all elements by one factor, which is positive.
      const ratios = after[0]!.map((value, i) => value / before[0]![i]!)
      t.true(ratios.every((ratio) => ratio > 0))
      t.is(new Set(ratios.map((ratio) => Number(ratio.toPrecision(4)))).size, found.length)
      const bias = after[1]
      if (bias === undefined) continue
      if (vectors === 'zero') t.true(bias.every((value) => value === 0))
      else t.true(Math.abs(Math.hypot(...bias) - Math.hypot(...weights[1]!)) < 1e-5)
    }
    model.dispose()
  })
}

test('a filter that the direction leaves alone stays', (t) => {
  const direction = [Float32Array.of(0, 1, 0, 1)]
  normalizeFilters(direction, [Float32Array.of(1, 3, 1, 4)], [{ name: 'kernel', shape: [2, 2] }], 'zero')
  t.true(Math.abs(direction[0]![1]! - Math.sqrt(12.5)) < 1e-6)
  t.deepEqual([direction[0]![0], direction[0]![2]], [0, 0])
})
