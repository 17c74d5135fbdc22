import test from 'ava'
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

onEachBackend(test, 'a name too few, no tensor and a disposed one are refused, and said', (t) => {
  const { model, x, y, named, dispose } = setting()
  const refused = (given: unknown, code: string, message: RegExp) =>
    t.throws(() => hessian(model, given as Examples, named.y), { code, message })
  refused({ left: x[0], rihgt: x[1] }, 'ERR_INVALID_ARGUMENT', /Expected left, right in x, received left, rihgt\./)
  refused({}, 'ERR_INVALID_ARGUMENT', /Expected left, right in x, received none\./)
  refused(7, 'ERR_INVALID_ARGUMENT', /Expected 2 tensors for x/)
  refused({ left: x[0], right: null }, 'ERR_INVALID_ARGUMENT', /Expected tensors for x, received null/)
  // Inherited, and not given.
  refused(Object.create({ left: x[0], right: x[1] }), 'ERR_INVALID_ARGUMENT', /received none/)
  t.throws(() => reestimateBatchNorm(model, { left: x[0] }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /left, right in x/,
  })
  t.throws(() => hessian(model, named.x, [y[0]]), { code: 'ERR_INVALID_ARGUMENT' })
  const gone = random([6, 2], 9)
  gone.dispose()
  refused({ left: x[0], right: gone }, 'ERR_DISPOSED', /live tensor for x/)
  dispose()
})
