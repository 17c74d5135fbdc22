import test from 'ava'
import { hessian } from '../../src/curvature/hessian.ts'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { type LossSlice, lossSlice } from '../../src/curvature/loss-slice.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { inEveryForm } from '../helpers/batches.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code
const close = (a: number, b: number, tolerance = 1e-4) => Math.abs(a - b) < tolerance * (1 + Math.abs(b))

const diagonal = [1, 4, 9, 16, 25]
/** f(a, b) = ½Σ λᵢwᵢ² + w₀ with w = [a, b]: 3 and 2 elements, all 0.5. */
function quadratic() {
  const [a, b] = [3, 2].map((size) => tf.tidy(() => tf.variable(tf.fill([size], 0.5)))) as [tf.Variable, tf.Variable]
  const loss = () => {
    const w = tf.concat([a, b])
    const squares = tf.mul(0.5, tf.sum(tf.mul(tf.tensor1d(diagonal), tf.square(w))))
    return tf.add(squares, tf.sum(tf.slice(w, 0, 1))) as tf.Scalar
  }
  return { a, b, variables: [a, b], loss }
}
const valueAt = (w: readonly number[]) => diagonal.reduce((sum, d, i) => sum + (d * w[i]! ** 2) / 2, w[0]!)

/** Every point of a slice, with its two coordinates. */
const pointsOf = ({ axes: [first, second], loss, quadratic }: LossSlice) =>
  loss.map((value, k) => {
    const columns = second?.at.length ?? 1
    const [s, t] = [first!.at[Math.floor(k / columns)]!, second?.at[k % columns] ?? 0]
    return { s, t, value, predicted: quadratic?.[k] }
  })

onEachBackend(test, 'on a quadratic the loss is where it must be, and the expansion is exact', async (t) => {
  const { variables, loss } = quadratic()
  const before = variables.map(bits)
  const [d, e] = [Float32Array.of(1, 0, -1, 0, 0.5), Float32Array.of(0, 2, 0, 1, 0)]
  for (const directions of [[d], [d, e]]) {
    const found = await lossSlice(loss, { variables, directions, points: 7, range: 2 })
    t.is(found.loss.length, 7 ** directions.length)
    t.is(found.axes.length, directions.length)
    t.deepEqual(found.axes[0]!.at[3], 0)
    t.deepEqual([found.axes[0]!.at[0], found.axes[0]!.at[6]], [-2, 2])
    t.true(close(found.axes[0]!.length, 1.5))
    for (const { s, t: u, value, predicted } of pointsOf(found)) {
      const truth = valueAt(diagonal.map((_, i) => 0.5 + s * d[i]! + u * e[i]!))
      t.true(close(value, truth), `${value} for ${truth}`)
      t.true(close(predicted!, truth), `${predicted} for ${truth}`)
    }
    t.is(found.evaluations, found.loss.length)
    t.is(found.passes, Math.ceil(found.loss.length / 3) + 1 + 3 * directions.length)
  }
  t.deepEqual(variables.map(bits), before)
})

onEachBackend(
  test,
  'along eigenvectors of a model: ½λs² beside the slope, and the loss of the model in the middle',
  async (t) => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 6, inputShape: [4], activation: 'tanh', kernelInitializer: start(1) }),
        tf.layers.batchNormalization(),
        tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: start(2) }),
      ],
    })
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
    const [x, y] = [random([7, 4], 3), tf.tidy(() => tf.softmax(random([7, 3], 4)))]
    const before = weightsOf(model)
    const { values, vectors } = await topEigenvalues(hessian(model, x, y), { count: 2, vectors: true, tolerance: 1e-5 })
    const options = { directions: vectors!, points: 5, range: 0.05, names: ['v1', 'v2'], batchSize: 3 }
    const found = await lossSlice(model, x, y, options)
    const [first, cross, , second] = found.curvatures!
    t.true(close(first!, values[0]!, 1e-3) && close(second!, values[1]!, 1e-3) && Math.abs(cross!) < 1e-3)
    t.true(
      close(
        found.loss[12]!,
        tf.tidy(() => (model.evaluate(x, y) as tf.Scalar).dataSync()[0]!),
        1e-6,
      ),
    )
    for (const { value, predicted } of pointsOf(found)) t.true(Math.abs(value - predicted!) < 1e-3)
    t.deepEqual(
      found.axes.map(({ name }) => name),
      ['v1', 'v2'],
    )
    // Random and filter-normalized: kernels get the norms of the weights, biases and norms stay.
    const drawn = await lossSlice(model, x, y, { directions: 2, points: 3, seed: 4, range: 0.5, quadratic: false })
    const kernels = [0, 4].map((i) => before[i]!)
    const norm = Math.hypot(...kernels.map((values) => Math.hypot(...values)))
    for (const { length } of drawn.axes) t.true(close(length, norm))
    t.deepEqual([drawn.normalize, drawn.quadratic, drawn.curvatures], ['filter', null, null])
    const again = await lossSlice(model, x, y, { directions: 2, points: 3, seed: 4, range: 0.5, quadratic: false })
    t.deepEqual(again.loss, drawn.loss)
    const other = await lossSlice(model, x, y, { directions: 2, points: 3, seed: 5, range: 0.5, quadratic: false })
    t.notDeepEqual(other.loss, drawn.loss)
    t.deepEqual(weightsOf(model), before)
    model.dispose()
    tf.dispose([x, y])
  },
)

onEachBackend(test, 'a filter leaves the other variables where they are', async (t) => {
  const { variables, loss, b } = quadratic()
  const found = await lossSlice(loss, { variables, filter: b.name, directions: [Float32Array.of(1, 0)], points: 3 })
  for (const { s, value, predicted } of pointsOf(found)) {
    const truth = valueAt([0.5, 0.5, 0.5, 0.5 + s, 0.5])
    t.true(close(value, truth) && close(predicted!, truth))
  }
})

onEachBackend(test, 'a loss that is not finite out there is part of the picture', async (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([0.5])))
  const loss = () => tf.sum(tf.sqrt(w)) as tf.Scalar
  const found = await lossSlice(loss, { variables: [w], directions: [Float32Array.of(1)], points: 3 })
  t.is(found.loss[0], Number.NaN)
  t.true(close(found.loss[2]!, Math.sqrt(1.5)))
  t.true(found.quadratic!.every(Number.isFinite))
})

onEachBackend(test, 'a loss that fails anywhere, and an abort, leave weights and tensors as they were', async (t) => {
  const { variables, loss } = quadratic()
  const before = variables.map(bits)
  const options = { variables, directions: [Float32Array.of(1, 0, 0, 0, 0)], points: 5 }
  const { numTensors } = tf.memory()
  let calls = 0
  const counted = () => {
    calls++
    return loss()
  }
  await lossSlice(counted, options)
  for (let bad = 0; bad < calls; bad++) {
    let pass = 0
    const failing = () => {
      if (pass++ === bad) throw new Error('mine')
      return loss()
    }
    t.is(code(await t.throwsAsync(lossSlice(failing, options))), 'ERR_LOSS')
    t.deepEqual(variables.map(bits), before)
    t.is(tf.memory().numTensors, numTensors)
  }
  const controller = new AbortController()
  const onProgress = ({ done }: { done: number }) => done === 2 && controller.abort()
  const run = lossSlice(loss, { ...options, signal: controller.signal, onProgress })
  const error = await t.throwsAsync(run, { instanceOf: AbortedError })
  const partial = error.partial as LossSlice
  t.deepEqual(
    partial.loss.map((value) => Number.isNaN(value)),
    [false, true, false, true, true],
  )
  t.true(partial.quadratic!.every(Number.isFinite))
  t.deepEqual(variables.map(bits), before)
})

onEachBackend(test, 'bad arguments are refused', async (t) => {
  const { variables, loss } = quadratic()
  const run = (options: object) => lossSlice(loss, { variables, points: 3, ...options } as never)
  const rows: [string, Promise<unknown>][] = [
    ['ERR_SHAPE', run({ directions: [new Float32Array(4)] })],
    ['ERR_DTYPE', run({ directions: [[1, 2, 3, 4, 5]] })],
    ['ERR_NOT_FINITE', run({ directions: [new Float32Array(5).fill(Number.NaN)] })],
    ['ERR_INVALID_ARGUMENT', run({ directions: [] })],
    ['ERR_INVALID_ARGUMENT', run({ directions: [new Float32Array(5)] })],
    ['ERR_INVALID_ARGUMENT', run({ directions: 3 })],
    ['ERR_INVALID_ARGUMENT', run({ points: 4 })],
    ['ERR_INVALID_ARGUMENT', run({ range: 0 })],
    ['ERR_INVALID_ARGUMENT', run({ names: ['a', 'b'] })],
    ['ERR_INVALID_ARGUMENT', run({ normalize: 'layer' })],
  ]
  for (const [expected, one] of rows) t.is(code(await t.throwsAsync(one)), expected)
})

onEachBackend(test, 'of data in batches it is what the tensors give, weighted by examples', async (t) => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 4, inputShape: [4], activation: 'tanh', kernelInitializer: start(1) }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const [x, y] = [random([7, 4], 3), tf.tidy(() => tf.softmax(random([7, 3], 4)))]
  const before = weightsOf(model)
  const options = { directions: 2, points: 3, seed: 4, range: 0.5 } as const
  const whole = await lossSlice(model, x, y, { ...options, batchSize: 3 })
  const { forms, dispose } = inEveryForm(x, y, [3, 3, 1])
  const { numTensors } = tf.memory()
  for (const [form, data] of Object.entries(forms)) {
    const found = await lossSlice(model, data, options)
    t.deepEqual([found.loss, found.slopes], [whole.loss, whole.slopes], form)
    for (const [i, one] of found.curvatures!.entries()) t.true(close(one, whole.curvatures![i]!, 1e-5), form)
    t.deepEqual([found.evaluations, found.passes], [whole.evaluations, whole.passes], form)
    t.is(tf.memory().numTensors, numTensors, form)
  }
  t.is((await lossSlice(model, forms.array)).loss.length, 51)
  t.deepEqual(weightsOf(model), before)
  dispose()
  model.dispose()
  tf.dispose([x, y])
})
