import test from 'ava'
import { permutation } from '../../src/data/permutation.ts'
import { type ShuffledBatchesOptions, sgd, shuffledBatches } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { start } from '../helpers/training.ts'

/** Examples that are their own numbers. */
const numbered = (count: number): tf.Tensor => tf.range(0, count).reshape([count, 1])
const orderOf = (seed: number, epoch: number, count: number) => Array.from(permutation(seed, epoch, count))

onEachBackend(test, 'an epoch: every example once, in the order of the seed and the epoch, x with its y', (t) => {
  const x = tf.tidy(() => numbered(10))
  const y = tf.tidy(() => tf.mul(x, 10).cast('int32'))
  const data = shuffledBatches(x, y, { batchSize: 4, seed: 7 })
  t.is(data.size, 3)
  for (const epoch of [0, 3, 2 ** 32 - 1]) {
    const seen: number[] = []
    for (const { xs, ys } of data.epoch(epoch)) {
      t.deepEqual([ys.dtype, ys.shape], ['int32', [xs.shape[0]!, 1]])
      t.deepEqual(
        Array.from(ys.dataSync()),
        Array.from(xs.dataSync(), (value) => value * 10),
      )
      seen.push(...xs.dataSync())
    }
    t.deepEqual(seen, orderOf(7, epoch, 10))
  }
  t.deepEqual(
    [...data.epoch(1, 2)].map(({ xs }) => xs.shape[0]),
    [2],
  )
  t.deepEqual([...data.epoch(1, 3)], [])
  tf.dispose([x, y])
})

onEachBackend(test, 'a batch of a generator lives until the next, also where the loop is left or throws', (t) => {
  const x = tf.tidy(() => numbered(10))
  const data = shuffledBatches([x, x], { a: x, b: x }, { batchSize: 3, seed: 1 })
  const { numTensors } = tf.memory()
  for (const { xs, ys } of data.epoch(0)) {
    t.is(tf.memory().numTensors, numTensors + 4)
    t.deepEqual([xs.length, Object.keys(ys)], [2, ['a', 'b']])
  }
  for (const { xs } of data.epoch(0)) if (xs.length > 0) break
  t.throws(() => {
    for (const { ys } of data.epoch(0)) throw new Error(`${ys.a.shape}`)
  })
  t.is(tf.memory().numTensors, numTensors)
  x.dispose()
})

onEachBackend(test, 'smallLastBatch: false leaves out what fills no batch', (t) => {
  const x = tf.tidy(() => numbered(10))
  const data = shuffledBatches(x, x, { batchSize: 4, seed: 7, smallLastBatch: false })
  const seen = [...data.epoch(0)].length
  t.deepEqual([data.size, seen], [2, 2])
  x.dispose()
})

/** What a model with two inputs and two outputs is trained on, batch by batch: the first input of each. */
async function trained(options: Partial<ShuffledBatchesOptions>, epochs: number, initialEpoch = 0) {
  const inputs = ['left', 'right'].map((name) => tf.input({ shape: [1], name }))
  const sum = tf.layers.add().apply(inputs) as tf.SymbolicTensor
  const outputs = ['up', 'down'].map((name) =>
    tf.layers.dense({ units: 1, name, kernelInitializer: start(1) }).apply(sum),
  )
  const model = tf.model({ inputs, outputs: outputs as tf.SymbolicTensor[] })
  const optimizer = sgd({ learningRate: 1e-4 })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const x = tf.tidy(() => numbered(5))
  const data = shuffledBatches({ right: x, left: x }, [x, x], { batchSize: 2, seed: 3, ...options })
  const seen: number[] = []
  const next = data.iterator.bind(data)
  const watched = {
    size: data.size,
    async iterator() {
      const inner = await next()
      return {
        async next() {
          const step = await inner.next()
          if (!step.done) seen.push(...step.value.xs.left.dataSync())
          return step
        },
      }
    },
  }
  await model.fitDataset(watched, {
    epochs,
    initialEpoch,
    verbose: 0,
  })
  for (const one of [model, optimizer, x]) one.dispose()
  return seen
}

onEachBackend(test, 'fitDataset: each epoch has its order, from its place on, and nothing is left', async (t) => {
  const whole = [0, 1, 2].flatMap((epoch) => orderOf(3, epoch, 5))
  t.deepEqual(await trained({}, 3), whole)
  t.deepEqual(await trained({ from: { initialEpoch: 1, startBatch: 0 } }, 3, 1), whole.slice(5))
  t.deepEqual(await trained({ from: { initialEpoch: 1, startBatch: 2 } }, 3, 1), whole.slice(5 + 4))
})

test('bad arguments are typed errors', (t) => {
  const [x, short, empty, scalar, gone] = [
    tf.zeros([4, 2]),
    tf.zeros([3]),
    tf.zeros([0, 2]),
    tf.scalar(1),
    tf.zeros([4]),
  ]
  gone.dispose()
  const { numTensors } = tf.memory()
  const cases: [string, unknown, unknown, unknown][] = [
    ['ERR_INVALID_ARGUMENT', x, x, null],
    ['ERR_INVALID_ARGUMENT', x, x, {}],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: -1 }],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: 1, batch: 2 }],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: 1, batchSize: 0 }],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: 1, batchSize: 1.5 }],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: 1, batchSize: 5, smallLastBatch: false }],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: 1, smallLastBatch: 1 }],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: 1, from: { initialEpoch: Number.NaN, startBatch: 0 } }],
    ['ERR_INVALID_ARGUMENT', x, x, { seed: 1, from: { initialEpoch: 0, startBatch: 1 } }],
    ['ERR_INVALID_ARGUMENT', x, undefined, { seed: 1 }],
    ['ERR_INVALID_ARGUMENT', [], x, { seed: 1 }],
    ['ERR_INVALID_ARGUMENT', [[1, 2]], x, { seed: 1 }],
    ['ERR_INVALID_ARGUMENT', 'x', x, { seed: 1 }],
    ['ERR_SHAPE', x, short, { seed: 1 }],
    ['ERR_SHAPE', { a: x, b: scalar }, x, { seed: 1 }],
    ['ERR_EMPTY', empty, empty, { seed: 1 }],
    ['ERR_DISPOSED', x, gone, { seed: 1 }],
  ]
  for (const [code, xs, ys, options] of cases) {
    t.throws(() => shuffledBatches(xs as tf.Tensor, ys as tf.Tensor, options as ShuffledBatchesOptions), { code })
  }
  const data = shuffledBatches(x, x, { seed: 1, batchSize: 2 })
  for (const [epoch, from] of [
    [-1, 0],
    [0.5, 0],
    [0, 3],
    [0, -1],
  ] as const) {
    t.throws(() => data.epoch(epoch, from).next(), { code: 'ERR_INVALID_ARGUMENT' })
  }
  t.is(tf.memory().numTensors, numTensors)
  x.dispose()
  t.throws(() => data.epoch(0).next(), { code: 'ERR_DISPOSED' })
  tf.dispose([short, empty, scalar])
})
