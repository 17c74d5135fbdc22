import test from 'ava'
import { adam, curvature, type FlatOptimizer, nso, oneSided, sam, sgd } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

async function train(optimizer: FlatOptimizer, watch: (logs: tf.Logs) => void = () => {}) {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4], kernelInitializer: start(1) })] })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const [x, y] = [random([8, 4], 10), random([8, 1], 11)]
  const onEpochEnd = async (_: number, logs?: tf.Logs) => watch({ ...logs! })
  const callbacks = [curvature(optimizer), new tf.CustomCallback({ onEpochEnd })]
  const { history } = await model.fit(x, y, { batchSize: 4, epochs: 3, verbose: 0, callbacks })
  model.dispose()
  tf.dispose([x, y])
  return history as Record<string, number[]>
}

onEachBackend(test, 'each epoch logs the estimate at its end, for history and later callbacks alike', async (t) => {
  const optimizer = nso(sgd(), { seed: 1, sigma: 0.1 })
  const estimates: unknown[][] = []
  const logged: unknown[][] = []
  const history = await train(optimizer, ({ trace, traceError }) => {
    estimates.push([optimizer.curvature?.trace, optimizer.curvature?.standardError])
    logged.push([trace, traceError])
  })
  t.deepEqual(Object.keys(history).sort(), ['loss', 'trace', 'traceError'])
  t.is(optimizer.curvature?.samples, 6)
  t.deepEqual(logged, estimates)
  t.deepEqual(
    history.trace!.map((trace, i) => [trace, history.traceError![i]]),
    estimates,
  )
  t.true(history.trace!.every(Number.isFinite) && history.traceError!.every((error) => error > 0))
  t.is(new Set(history.trace).size, 3)
  optimizer.dispose()
})

onEachBackend(test, 'before the first estimate it logs NaN, as where sigma is scheduled to 0', async (t) => {
  const optimizer = nso(sgd(), { seed: 1, sigma: () => 0 })
  const { loss, trace, traceError } = await train(optimizer)
  t.deepEqual(trace, [Number.NaN, Number.NaN, Number.NaN])
  t.deepEqual(traceError, trace)
  t.true(loss!.every(Number.isFinite))
  optimizer.dispose()
})

test('an optimizer without pairs is refused, for it would log NaN for ever', (t) => {
  for (const optimizer of [adam(), sam(adam()), oneSided(adam())]) {
    t.throws(() => curvature(optimizer), { code: 'ERR_UNSUPPORTED', message: /smoothedTrace/ })
  }
  t.throws(() => curvature({} as never), { code: 'ERR_INVALID_ARGUMENT' })
})
