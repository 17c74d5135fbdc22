import test from 'ava'
import { fisher, gaussNewton } from '../../src/curvature/gauss-newton.ts'
import { hessian } from '../../src/curvature/hessian.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { trace } from '../../src/curvature/trace.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code
const vector = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1))
const apart = (a: Float32Array, b: ArrayLike<number>) =>
  Math.hypot(...a.map((x, i) => x - b[i]!)) / Math.hypot(...Array.from(b))

/** A model, its data as tensors, and rows of them. */
function setting() {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 4, inputShape: [3], activation: 'tanh', kernelInitializer: start(1) }),
      tf.layers.batchNormalization(),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.dense({ units: 2, activation: 'softmax', kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const x = random([7, 3], 3)
  const y = tf.tidy(() => tf.softmax(random([7, 2], 4)))
  const cut = (at: number, length: number) => ({
    xs: tf.slice(x, [at, 0], [length, 3]),
    ys: tf.slice(y, [at, 0], [length, 2]),
  })
  const whole = { x: x.arraySync() as number[][], y: y.arraySync() as number[][] }
  const dataset = () =>
    tf.data.zip({ xs: tf.data.array(whole.x), ys: tf.data.array(whole.y) } as never) as unknown as tf.data.Dataset<{
      xs: tf.Tensor
      ys: tf.Tensor
    }>
  const dispose = () => {
    model.dispose()
    tf.dispose([x, y])
  }
  return { model, x, y, cut, dataset, dispose }
}

onEachBackend(test, 'a dataset, an iterable, a function and an array give what the tensors give', async (t) => {
  const { model, x, y, cut, dataset, dispose } = setting()
  const before = weightsOf(model)
  async function* generated() {
    yield cut(0, 3)
    yield cut(3, 3)
    yield cut(6, 1)
  }
  const batches = [cut(0, 3), cut(3, 3), cut(6, 1)]
  const named = batches.map(({ xs, ys }) => ({
    xs: { [model.inputNames[0]!]: xs },
    ys: { [model.outputNames[0]!]: ys },
  }))
  const tensors = tf.memory().numTensors
  for (const operator of [hessian, gaussNewton, fisher]) {
    const expected = operator(model, x, y)
    const v = vector(expected.size)
    for (const data of [dataset().batch(3), generated, batches, named, { [Symbol.asyncIterator]: generated }]) {
      const H = operator(model, data as never)
      t.is(H.size, expected.size)
      t.deepEqual(H.blocks, expected.blocks)
      const product = await H.matvec(v)
      t.true(apart(product, await expected.matvec(v)) < 1e-5)
      t.deepEqual(product, await H.matvec(v))
      t.is(H.passes, 9)
    }
  }
  t.is(tf.memory().numTensors, tensors)
  t.deepEqual(weightsOf(model), before)
  tf.dispose([batches])
  dispose()
})

onEachBackend(test, 'one batch is held at a time', async (t) => {
  const { model, cut, dispose } = setting()
  let held = 0
  let most = 0
  function* counting() {
    for (let at = 0; at < 7; at++) {
      const batch = cut(at, 1)
      for (const one of [batch.xs, batch.ys]) {
        const { dispose: gone } = one
        held++
        most = Math.max(most, held)
        one.dispose = () => {
          held--
          gone.call(one)
        }
      }
      yield batch
    }
  }
  const H = hessian(model, counting)
  await H.matvec(vector(H.size))
  t.is(most, 2)
  t.is(held, 0)
  dispose()
})

onEachBackend(test, 'two passes must see the same', async (t) => {
  const { model, cut, dataset, dispose } = setting()
  function* once() {
    yield cut(0, 4)
  }
  const rows: [unknown, string, RegExp][] = [
    [dataset().shuffle(7).batch(3), 'ERR_INVALID_ARGUMENT', /Do not shuffle/],
    [once(), 'ERR_INVALID_ARGUMENT', /4 examples in 1 batches and then 0 examples/],
    [() => [], 'ERR_EMPTY', /at least one batch/],
    [() => 7, 'ERR_INVALID_ARGUMENT', /batches from the function/],
    [() => [{ xs: 1 }], 'ERR_INVALID_ARGUMENT', /\{ xs, ys \}/],
    [
      () => {
        throw new Error('no disk')
      },
      'ERR_INVALID_ARGUMENT',
      /no disk/,
    ],
  ]
  for (const [data, expected, message] of rows) {
    const H = hessian(model, data as never)
    const error = await t.throwsAsync(async () => H.matvec(vector(H.size)))
    t.is(code(error), expected)
    t.regex(error!.message, message)
  }
  dispose()
})

onEachBackend(test, 'a signal ends a product between batches; progress is told after each', async (t) => {
  const { model, cut, dispose } = setting()
  const before = weightsOf(model)
  const batches = [0, 1, 2, 3].map((at) => cut(at, 1))
  const controller = new AbortController()
  const seen: [number, number][] = []
  const onProgress = ({ done, total }: { done: number; total: number }) => {
    seen.push([done, total])
    if (seen.length === 6) controller.abort()
  }
  const H = hessian(model, batches, { signal: controller.signal, onProgress })
  await H.matvec(vector(H.size))
  const error = await t.throwsAsync(async () => H.matvec(vector(H.size)))
  t.is(code(error), 'ERR_ABORTED')
  t.deepEqual(seen, [
    [1, 4],
    [2, 4],
    [3, 4],
    [4, 4],
    [1, 4],
    [2, 4],
  ])
  t.deepEqual(weightsOf(model), before)
  tf.dispose([batches])
  dispose()
})

onEachBackend(test, 'a throw in the middle leaves nothing behind', async (t) => {
  const { model, cut, dispose } = setting()
  const before = weightsOf(model)
  function* bad() {
    yield cut(0, 3)
    yield { xs: tf.ones([3, 3]), ys: tf.ones([3, 5]) }
  }
  const tensors = tf.memory().numTensors
  for (const method of ['exact', 'difference'] as const) {
    for (const check of [true, false]) {
      const H = hessian(model, bad, { method, check })
      const error = await t.throwsAsync(async () => H.matvec(vector(H.size)))
      t.is(code(error), 'ERR_SHAPE')
    }
  }
  t.is(tf.memory().numTensors, tensors)
  t.deepEqual(weightsOf(model), before)
  dispose()
})

onEachBackend(test, 'the algorithms take it as any other', async (t) => {
  const { model, x, y, cut, dispose } = setting()
  const batches = [cut(0, 4), cut(4, 3)]
  const streamed = await trace(hessian(model, batches), { probes: 4 })
  const whole = await trace(hessian(model, x, y), { probes: 4 })
  t.true(Math.abs(streamed.mean - whole.mean) < 1e-5 * Math.abs(whole.mean))
  t.is(streamed.passes, 4 * 6)
  const top = await topEigenvalues(hessian(model, batches), { steps: 30 })
  t.is(top.passes, top.steps * 6)
  tf.dispose([batches])
  dispose()
})
