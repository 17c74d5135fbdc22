import test from 'ava'
import { sharpness } from '../../src/callbacks/sharpness.ts'
import { gaussNewton } from '../../src/curvature/gauss-newton.ts'
import { hessian } from '../../src/curvature/hessian.ts'
import { lossSlice } from '../../src/curvature/loss-slice.ts'
import { noiseStability } from '../../src/curvature/noise-stability.ts'
import { perExampleTraces } from '../../src/curvature/per-example-traces.ts'
import type { Examples } from '../../src/grads/examples.ts'
import { reestimateBatchNorm } from '../../src/grads/re-estimate.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

/** A model of two inputs and two outputs, and data for it. */
function setting() {
  const left = tf.input({ shape: [3], name: 'left' })
  const right = tf.input({ shape: [2], name: 'right' })
  const dense = (name: string, units: number, seed: number) =>
    tf.layers.dense({ name, units, activation: 'tanh', kernelInitializer: start(seed) })
  const joined = tf.layers.concatenate().apply([dense('a', 3, 1).apply(left), dense('b', 2, 2).apply(right)] as never)
  const normal = tf.layers.batchNormalization().apply(joined) as tf.SymbolicTensor
  const outputs = [dense('one', 1, 3), dense('two', 2, 4)].map((layer) => layer.apply(normal) as tf.SymbolicTensor)
  const model = tf.model({ inputs: [left, right], outputs })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const x = [random([6, 3], 5), random([6, 2], 6)] as const
  const y = [random([6, 1], 7), random([6, 2], 8)] as const
  const named = {
    x: { right: x[1], left: x[0], unused: y[0] },
    y: { [model.outputNames[1]!]: y[1], [model.outputNames[0]!]: y[0] },
  }
  const dispose = () => {
    model.dispose()
    tf.dispose([...x, ...y])
  }
  return { model, x, y, named, dispose }
}

onEachBackend(test, 'data by name is that in the order of the model', async (t) => {
  const { model, x, y, named, dispose } = setting()
  const tensors = tf.memory().numTensors
  for (const operator of [hessian, gaussNewton]) {
    const [expected, found] = [
      operator(model, x, y, { batchSize: 4 }),
      operator(model, named.x, named.y, { batchSize: 4 }),
    ]
    const v = Float32Array.from({ length: expected.size }, (_, i) => Math.sin(i + 1))
    t.deepEqual(await found.matvec(v), await expected.matvec(v))
  }
  const slices = await Promise.all([
    lossSlice(model, x, y, { points: 3, seed: 1 }),
    lossSlice(model, named.x, named.y, { points: 3, seed: 1 }),
  ])
  t.deepEqual(slices[1]!.loss, slices[0]!.loss)
  const curves = [
    await noiseStability(model, x, y, { sigmas: [0.1], samples: 2, trace: false }),
    await noiseStability(model, named.x, named.y, { sigmas: [0.1], samples: 2, trace: false }),
  ]
  t.deepEqual(curves[1]!.points, curves[0]!.points)
  const traces = [
    await perExampleTraces(model, x, y, { probes: 2 }),
    await perExampleTraces(model, named.x, named.y, { probes: 2 }),
  ]
  t.deepEqual(traces[1]!.examples, traces[0]!.examples)
  t.is(reestimateBatchNorm(model, named.x), 1)
  t.is(tf.memory().numTensors, tensors)
  dispose()
})

onEachBackend(test, 'what does not fit the model is refused, and said by name', async (t) => {
  const { model, x, y, named, dispose } = setting()
  const [one, two] = model.outputNames as [string, string]
  const gone = random([6, 2], 9)
  gone.dispose()
  const [short, scalar] = [tf.zeros([5, 2]), tf.scalar(1)]
  const tensors = tf.memory().numTensors
  const refused = (given: unknown, code: string, message: RegExp) =>
    t.throws(() => hessian(model, given as Examples, named.y), { code, message })
  refused(
    { left: x[0], rihgt: x[1] },
    'ERR_INVALID_ARGUMENT',
    /left, right in x, received left, rihgt, and so no right\./,
  )
  refused({ left: x[0], right: null }, 'ERR_INVALID_ARGUMENT', /received left, and so no right/)
  refused({}, 'ERR_INVALID_ARGUMENT', /received an instance of Object/)
  refused(Promise.resolve(x), 'ERR_INVALID_ARGUMENT', /received an instance of Promise/)
  refused({ xs: x, ys: y }, 'ERR_INVALID_ARGUMENT', /Give batches of \{ xs, ys \} in an array/)
  refused(7, 'ERR_INVALID_ARGUMENT', /Expected 2 tensors for x, .* received 7/)
  refused(new Float32Array(9), 'ERR_INVALID_ARGUMENT', /Expected 2 tensors for x, .* an instance of Float32Array/)
  refused({ left: x[0], right: [1] }, 'ERR_INVALID_ARGUMENT', /Expected a tensor for 'right' of x/)
  refused({ left: x[0], right: gone }, 'ERR_DISPOSED', /live tensor for 'right' of x/)
  refused({ left: x[1], right: x[0] }, 'ERR_SHAPE', /shape \[examples, 3\] for 'left' of x, received \[6,2\]/)
  refused({ left: x[0], right: scalar }, 'ERR_SHAPE', /shape \[examples, 2\] for 'right' of x, received \[\]/)
  refused({ left: x[0], right: short }, 'ERR_SHAPE', /Expected 6 examples in each tensor, received 5 in 'right' of x/)
  const swapped = { [one]: y[1], [two]: y[0] }
  t.throws(() => hessian(model, named.x, swapped), { code: 'ERR_SHAPE', message: /\[examples, 1\] for 'one/ })
  t.throws(() => hessian(model, named.x, [y[0]]), { code: 'ERR_INVALID_ARGUMENT', message: /2 tensors for y/ })
  // In batches by the names of these; and their targets come with them.
  for (const xs of [x[0], { left: x[0] }, [x[1], x[0]]]) {
    const H = hessian(model, [{ xs: xs as Examples, ys: y }])
    await t.throwsAsync(async () => H.matvec(new Float32Array(H.size)), { message: /(for|in|of) xs/ })
  }
  for (const values of [y, named.y, y[0]]) {
    const error = t.throws(() => hessian(model, [{ xs: x, ys: y }] as never, values as never))
    t.regex(error!.message, /no targets beside data in batches/)
  }
  t.throws(() => reestimateBatchNorm(model, { left: x[0] }), { code: 'ERR_INVALID_ARGUMENT', message: /no right/ })
  t.throws(() => reestimateBatchNorm(model, { left: x[0], right: scalar }), { code: 'ERR_SHAPE', message: /a scalar/ })
  t.is(tf.memory().numTensors, tensors)
  tf.dispose([short, scalar])
  dispose()
})

test('a number an example is a row of one, as in fit', async (t) => {
  const model = tf.sequential({
    layers: [tf.layers.batchNormalization({ inputShape: [1] }), tf.layers.dense({ units: 1 })],
  })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const numbers = tf.tensor1d([1, 2, 3, 6])
  t.is(reestimateBatchNorm(model, numbers), 1)
  t.deepEqual([...model.layers[0]!.getWeights()[2]!.dataSync()], [3])
  const v = Float32Array.of(1, 2, 3, 4)
  const rows = numbers.expandDims(1)
  t.deepEqual(await hessian(model, numbers, numbers).matvec(v), await hessian(model, rows, rows).matvec(v))
})

test('sharpness refuses data of another model before an epoch is spent', async (t) => {
  const { model, x, y, named, dispose } = setting()
  let epochs = 0
  const counted = new tf.CustomCallback({ onEpochEnd: () => void epochs++ })
  const train = (data: unknown) =>
    model.fit([...x], [...y], {
      ...{ epochs: 2, verbose: 0 },
      callbacks: [counted, sharpness({ data: data as never, every: 2, trace: { probes: 2 }, topEigenvalues: false })],
    })
  for (const data of [
    [named.x, { one: y[0] }],
    [null, named.y],
    [{ right: x[0], left: x[1] }, named.y],
  ]) {
    await t.throwsAsync(train(data), { name: 'SaltflatError' })
  }
  t.is(epochs, 0)
  const { history } = await train([named.x, named.y])
  t.true(Number.isFinite(history.trace!.at(-1)))
  dispose()
})
