import test from 'ava'
import { hessian } from '../../src/curvature/hessian.ts'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { type PerExampleTraces, perExampleTraces } from '../../src/curvature/per-example-traces.ts'
import { trace } from '../../src/curvature/trace.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

/** Softmax regression: tr ∇²ℓ = (‖x‖² + 1)·Σ pₖ(1 − pₖ), the 1 for the bias. */
function softmax() {
  const layer = tf.layers.dense({ units: 3, inputShape: [4], activation: 'softmax', kernelInitializer: start(2) })
  const model = tf.sequential({ layers: [layer] })
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const x = random([6, 4], 3)
  const y = tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32'), 3).toFloat())
  const truth = tf.tidy(() => {
    const p = model.predict(x) as tf.Tensor
    const squares = tf.add(tf.sum(tf.square(x), 1), 1)
    return [...tf.mul(squares, tf.sum(tf.mul(p, tf.sub(1, p)), 1)).dataSync()]
  })
  return { model, x, y, truth }
}

const untimed = ({ wallMs, ...rest }: PerExampleTraces) => rest

onEachBackend(test, 'each example has the trace of the closed form, within its error', async (t) => {
  const { model, x, y, truth } = softmax()
  const before = weightsOf(model)
  const found = await perExampleTraces(model, x, y, { probes: 32, seed: 1 })
  t.is(found.examples.length, 6)
  for (const [i, { mean, standardError }] of found.examples.entries()) {
    t.true(Math.abs(mean - truth[i]!) < 4 * standardError, `${mean} ± ${standardError} for ${truth[i]}`)
    t.true(standardError < 0.4 * truth[i]!)
  }
  const largest = Math.max(...found.examples.map(({ mean }) => mean))
  t.deepEqual(found.largest, { ...found.examples[found.largest.index]!, index: found.largest.index })
  t.is(found.largest.mean, largest)
  const expected = truth.reduce((sum, one) => sum + one, 0) / 6
  t.true(Math.abs(found.mean - expected) < 4 * found.standardError)
  const whole = await trace(hessian(model, x, y), { probes: 32 })
  t.true(Math.abs(found.mean - whole.mean) < 4 * Math.hypot(found.standardError, whole.standardError))
  t.is(found.passes, 3 * 6 * 32)
  t.deepEqual(weightsOf(model), before)
  tf.dispose([x, y])
  model.dispose()
})

onEachBackend(test, 'where each Hessian is a diagonal it is exact; seeds and filters do what they say', async (t) => {
  const layer = tf.layers.dense({ units: 1, inputShape: [3], useBias: false, kernelInitializer: start(1) })
  const model = tf.sequential({ layers: [layer] })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const [x, y] = [tf.tensor2d([1, 0, 0, 0, -2, 0, 0, 0, 3], [3, 3]), tf.ones([3, 1])]
  const { examples, largest } = await perExampleTraces(model, x, y, { probes: 2 })
  for (const [i, truth] of [2, 8, 18].entries()) t.true(Math.abs(examples[i]!.mean - truth) < 1e-4)
  t.is(largest.index, 2)
  t.true(largest.standardError < 1e-5)
  tf.dispose([x, y])
  model.dispose()
  const other = softmax()
  const run = (options: object) => perExampleTraces(other.model, other.x, other.y, { probes: 2, ...options })
  t.deepEqual(untimed(await run({ seed: 3 })), untimed(await run({ seed: 3 })))
  t.notDeepEqual((await run({ seed: 4 })).examples, (await run({ seed: 3 })).examples)
  const [kernel, bias] = [await run({ filter: 'kernel', probes: 12 }), await run({ filter: 'bias', probes: 12 })]
  const sum = other.truth.reduce((total, one) => total + one, 0) / 6
  t.true(Math.abs(kernel.mean + bias.mean - sum) < 4 * Math.hypot(kernel.standardError, bias.standardError))
  tf.dispose([other.x, other.y])
  other.model.dispose()
})

onEachBackend(test, 'a signal ends it with the examples that are done', async (t) => {
  const { model, x, y } = softmax()
  const controller = new AbortController()
  const onProgress = ({ done }: { done: number }) => done === 5 && controller.abort()
  const run = perExampleTraces(model, x, y, { probes: 2, signal: controller.signal, onProgress })
  const { partial } = await t.throwsAsync(run, { instanceOf: AbortedError })
  t.is((partial as PerExampleTraces).examples.length, 2)
  t.is((partial as PerExampleTraces).passes, 15)
  tf.dispose([x, y])
  model.dispose()
})
