import test, { type ExecutionContext } from 'ava'
import { permutation } from '../../src/data/permutation.ts'
import { nso, sgd, shuffled, shuffledBatches } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

/** A layer that writes down the examples that it is trained on. */
class Witness extends tf.layers.Layer {
  static readonly className = 'Witness'
  readonly seen: number[] = []

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    const one = Array.isArray(inputs) ? inputs[0]! : inputs
    if (kwargs.training) this.seen.push(...one.dataSync())
    return one.clone()
  }
}

const orderOf = (epoch: number, count: number, seed = 7) => Array.from(permutation(seed, epoch, count))

function model() {
  const witness = new Witness({})
  const made = tf.sequential({
    layers: [tf.layers.inputLayer({ inputShape: [1] }), witness, tf.layers.dense({ units: 1 })],
  })
  const optimizer = sgd({ learningRate: 1e-5 })
  made.compile({ optimizer, loss: 'meanSquaredError' })
  const x = tf.tidy(() => tf.range(0, 10).reshape([10, 1]))
  const train = async (args: tf.ModelFitArgs) => {
    witness.seen.length = 0
    await made.fit(x, x, { batchSize: 3, verbose: 0, callbacks: [shuffled({ seed: 7 })], ...args })
    return witness.seen
  }
  const dispose = () => {
    for (const one of [made, optimizer, x]) one.dispose()
  }
  return { made, train, x, dispose }
}

onEachBackend(
  test,
  'each epoch has the order of its number, whatever shuffle says and wherever the run begins',
  async (t) => {
    const { train, dispose } = model()
    const epochs = [0, 1, 2, 3].flatMap((epoch) => orderOf(epoch, 10))
    for (const shuffle of [true, false, undefined]) {
      t.deepEqual(await train({ epochs: 4, ...(shuffle === undefined ? {} : { shuffle }) }), epochs)
      t.deepEqual(
        await train({ epochs: 4, initialEpoch: 2, ...(shuffle === undefined ? {} : { shuffle }) }),
        epochs.slice(20),
      )
    }
    dispose()
  },
)

onEachBackend(test, 'the order is that of shuffledBatches, and validation data is not shuffled', async (t) => {
  const { train, x, dispose } = model()
  const order: number[] = []
  for (const { xs } of shuffledBatches(x, x, { batchSize: 3, seed: 7 }).epoch(0)) order.push(...xs.dataSync())
  t.deepEqual(await train({ epochs: 1 }), order)
  t.deepEqual(await train({ epochs: 2, validationSplit: 0.3 }), [...orderOf(0, 7), ...orderOf(1, 7)])
  dispose()
})

/** What must be as it was before. */
function untouched(t: ExecutionContext, run: () => Promise<unknown>): Promise<void> {
  const { makeTensor } = tf.engine()
  const { random } = Math
  return run().then(() => {
    t.is(tf.engine().makeTensor, makeTensor)
    t.is(Math.random, random)
  })
}

onEachBackend(test, 'what it replaces is restored, also where another callback throws or waits', async (t) => {
  const { train, dispose } = model()
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
  const busy = new tf.CustomCallback({
    // Time, tensors of the same length and numbers drawn between the beginning of an epoch and its first batch.
    onEpochBegin: async () => {
      await turn()
      tf.tensor1d([3, 1, 4, 1, 5, 9, 2, 6, 5, 3]).dispose()
      Math.random()
      await turn()
    },
  })
  await untouched(t, async () => {
    const seen = await train({ epochs: 2, callbacks: [shuffled({ seed: 7 }), busy] })
    t.deepEqual(seen, [...orderOf(0, 10), ...orderOf(1, 10)])
  })
  for (const when of ['onTrainBegin', 'onEpochBegin', 'onBatchBegin', 'onBatchEnd'] as const) {
    const thrower = new tf.CustomCallback({
      [when]: async () => {
        throw new Error('mine')
      },
    })
    // Stock fit forgets its tensor of indices, and the logs, when a callback throws.
    tf.engine().startScope()
    await untouched(t, async () => {
      await t.throwsAsync(train({ epochs: 1, callbacks: [shuffled({ seed: 7 }), thrower] }), { message: 'mine' })
      await turn()
    })
    tf.engine().endScope()
  }
  t.deepEqual(await train({ epochs: 1 }), orderOf(0, 10))
  dispose()
})

onEachBackend(test, 'what somebody wraps around it meanwhile passes everything through afterwards', async (t) => {
  const { made, x, dispose } = model()
  const tape = tf.engine()
  const { makeTensor } = tape
  const numbers = new Float32Array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  const wrapper = new tf.CustomCallback({
    onTrainBegin: async () => {
      // That of the model that a Sequential has inside.
      const { history } = (made as unknown as { model: { history: { onEpochBegin(epoch: number): Promise<void> } } })
        .model
      const original = history.onEpochBegin
      history.onEpochBegin = async (epoch) => {
        await original.call(history, epoch)
        const inner = tape.makeTensor
        tape.makeTensor = (...args) => inner.apply(tape, args)
        // fit fails before it makes its indices.
        throw new Error('mine')
      }
    },
  })
  try {
    tape.startScope()
    const run = made.fit(x, x, { epochs: 1, verbose: 0, callbacks: [shuffled({ seed: 7 }), wrapper] })
    await t.throwsAsync(run, { message: 'mine' })
    await new Promise<void>((resolve) => setImmediate(resolve))
    tape.endScope()
    const later = tf.tensor1d(numbers)
    t.deepEqual(later.dataSync(), numbers)
    later.dispose()
  } finally {
    tape.makeTensor = makeTensor
  }
  dispose()
})

onEachBackend(test, 'several models at once keep their own orders', async (t) => {
  const runs = [1, 2, 3].map((seed) => ({ seed, ...model() }))
  const seen = await Promise.all(runs.map(({ train, seed }) => train({ epochs: 3, callbacks: [shuffled({ seed })] })))
  for (const [i, { seed }] of runs.entries()) {
    t.deepEqual(
      seen[i],
      [0, 1, 2].flatMap((epoch) => orderOf(epoch, 10, seed)),
    )
  }
  for (const { dispose } of runs) dispose()
})

onEachBackend(test, 'with an optimizer of several passes a step, on a functional model', async (t) => {
  const input = tf.input({ shape: [1] })
  const witness = new Witness({})
  const output = tf.layers.dense({ units: 1 }).apply(witness.apply(input)) as tf.SymbolicTensor
  const made = tf.model({ inputs: input, outputs: output })
  const optimizer = nso(sgd({ learningRate: 1e-5 }), { seed: 1 })
  made.compile({ optimizer, loss: 'meanSquaredError' })
  const x = tf.tidy(() => tf.range(0, 6).reshape([6, 1]))
  await made.fit(x, x, { batchSize: 6, epochs: 1, verbose: 0, callbacks: [shuffled({ seed: 7 })] })
  t.deepEqual(witness.seen, [...orderOf(0, 6), ...orderOf(0, 6)])
  for (const one of [made, optimizer, x]) one.dispose()
})

onEachBackend(test, 'fitDataset has no order to replace: refused, and nothing has changed', async (t) => {
  const { made, x, dispose } = model()
  const before = made.getWeights().map((one) => one.dataSync().slice())
  const data = shuffledBatches(x, x, { seed: 7 })
  const run = made.fitDataset(data, {
    epochs: 1,
    verbose: 0,
    callbacks: [shuffled({ seed: 7 })],
  })
  await t.throwsAsync(run, { code: 'ERR_UNSUPPORTED', message: /shuffledBatches/ })
  t.deepEqual(
    made.getWeights().map((one) => one.dataSync()),
    before,
  )
  dispose()
})

onEachBackend(test, 'two of them in one fit are refused before a step', async (t) => {
  const { made, train, dispose } = model()
  const before = made.getWeights().map((one) => one.dataSync().slice())
  tf.engine().startScope()
  await untouched(t, async () => {
    const callbacks = [shuffled({ seed: 1 }), shuffled({ seed: 2 })]
    await t.throwsAsync(train({ epochs: 1, callbacks }), { code: 'ERR_UNSUPPORTED', message: /one shuffled/ })
  })
  tf.engine().endScope()
  t.deepEqual(
    made.getWeights().map((one) => one.dataSync()),
    before,
  )
  dispose()
})

test('bad options are typed errors', (t) => {
  for (const options of [undefined, null, {}, { seed: -1 }, { seed: 2 ** 53 }, { seed: '7' }, { seed: 7, epoch: 1 }]) {
    t.throws(() => shuffled(options as { seed: number }), { code: 'ERR_INVALID_ARGUMENT' })
  }
})
