import test from 'ava'
import { abortable, adam, nso, type SaltflatError } from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

function job() {
  const optimizer = nso(adam({ learningRate: 0.05 }), { seed: 1, sigma: 0.05, perturbations: 2 })
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4], kernelInitializer: start(1) })] })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  return { model, optimizer }
}

type Train = (model: tf.LayersModel, callbacks: tf.ModelFitArgs['callbacks']) => Promise<unknown>

/** Two epochs of four batches. */
const entries: [string, (x: tf.Tensor, y: tf.Tensor) => Train][] = [
  [
    'fit',
    (x, y) => (model, callbacks) =>
      model.fit(x, y, {
        batchSize: 2,
        epochs: 2,
        shuffle: false,
        verbose: 0,
        callbacks: callbacks!,
      }),
  ],
  [
    'fitDataset',
    (x, y) => (model, callbacks) => {
      const dataset = tf.data.zip({
        xs: tf.data.array(x.arraySync() as number[][]),
        ys: tf.data.array(y.arraySync() as number[][]),
      })
      return model.fitDataset(dataset.batch(2), { epochs: 2, verbose: 0, callbacks: callbacks! })
    },
  ],
]

for (const [name, entry] of entries) {
  onEachBackend(test, `${name} stops at the end of the batch in which the signal fires, and can go on`, async (t) => {
    const [x, y] = [random([8, 4], 1), random([8, 1], 2)]
    const { model, optimizer } = job()
    const stop = new AbortController()
    let batches = 0
    let snapshot: Uint32Array[] = []
    const trigger = new tf.CustomCallback({
      onBatchEnd: async () => {
        snapshot = model.getWeights().map(bits)
        if (++batches === 6) stop.abort(new Error('enough'))
      },
    })
    const { numTensors } = tf.memory()
    const callback = abortable(stop.signal)
    const error = await t.throwsAsync(entry(x, y)(model, [trigger, callback]))
    t.is((error as SaltflatError).code, 'ERR_ABORTED')
    t.is((error!.cause as Error).message, 'enough')
    t.regex(error!.message, /after 6 batches/)
    t.is(batches, 6)
    t.is(optimizer.iterations, 6)
    t.deepEqual(model.getWeights().map(bits), snapshot)
    t.is(tf.memory().numTensors, numTensors)
    // One that has fired lets nothing begin; another one does not matter any more.
    await t.throwsAsync(entry(x, y)(model, [callback]), { code: 'ERR_ABORTED', message: /after 0 batches/ })
    t.is(tf.memory().numTensors, numTensors)
    t.deepEqual(model.getWeights().map(bits), snapshot)
    await entry(x, y)(model, [abortable(new AbortController().signal)])
    t.is(optimizer.iterations, 14)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  })
}

onEachBackend(test, 'a timer can abort a fit that never yields', async (t) => {
  const [x, y] = [random([8, 4], 1), random([8, 1], 2)]
  const { model, optimizer } = job()
  const options = { batchSize: 2, epochs: 1e6, verbose: 0, yieldEvery: 'never' } as const
  const [stop, reason] = [new AbortController(), new Error('late')]
  // Set by the first batch: on a busy machine the way there may take longer than any timer.
  const watch = new tf.CustomCallback({
    onBatchEnd: () => {
      if (optimizer.iterations === 1) setTimeout(() => stop.abort(reason), 20)
    },
  })
  const error = await t.throwsAsync(model.fit(x, y, { ...options, callbacks: [watch, abortable(stop.signal)] }))
  t.is((error as SaltflatError).code, 'ERR_ABORTED')
  t.is(error!.cause, reason)
  t.true(optimizer.iterations > 1)
  optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
})

test('what is no signal is refused', (t) => {
  for (const one of [undefined, null, 1, {}, new AbortController()]) {
    t.throws(() => abortable(one as never), { code: 'ERR_INVALID_ARGUMENT', message: /controller\.signal/ })
  }
})
