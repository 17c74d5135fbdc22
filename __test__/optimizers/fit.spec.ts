import test from 'ava'
import { adam, type FlatOptimizer, momentum, nso, sgd } from '../../src/index.ts'
import { backends, onEachBackend, tf } from '../helpers/backends.ts'
import { around, distance, entries, mean, random, setWeights, start, weightsOf } from '../helpers/training.ts'

const noise = { seed: 9, sigma: 0.1, perturbations: 2 }

/** 5 → 6 → 1, no randomness of its own. */
function network(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 6, activation: 'tanh', inputShape: [5], kernelInitializer: start(1) }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
}

/** Two outputs of different size, two losses. */
function branched(): tf.LayersModel {
  const input = tf.input({ shape: [5] })
  const trunk = tf.layers.dense({ units: 4, activation: 'tanh', kernelInitializer: start(3) }).apply(input)
  const left = tf.layers.dense({ units: 1, name: 'left', kernelInitializer: start(4) }).apply(trunk)
  const right = tf.layers.dense({ units: 2, name: 'right', kernelInitializer: start(5) }).apply(trunk)
  return tf.model({ inputs: input, outputs: [left, right] as tf.SymbolicTensor[] })
}

const shapes: {
  name: string
  build: () => tf.LayersModel
  compiled: Omit<tf.ModelCompileArgs, 'optimizer'>
  reported: number
  targets: () => tf.Tensor | tf.Tensor[]
}[] = [
  {
    name: 'loss only',
    build: network,
    compiled: { loss: 'meanSquaredError' },
    reported: 1,
    targets: () => random([8, 1], 11),
  },
  {
    name: 'two metrics',
    build: network,
    compiled: { loss: 'meanSquaredError', metrics: ['mae', 'mse'] },
    reported: 3,
    targets: () => random([8, 1], 11),
  },
  {
    name: 'two outputs with a metric each',
    build: branched,
    compiled: { loss: ['meanSquaredError', 'meanAbsoluteError'], metrics: ['mse', 'mae'] },
    reported: 7,
    targets: () => [random([8, 1], 11), random([8, 2], 12)],
  },
]

// What stock tfjs does with stock optimizers, before saltflat has made its first optimizer.
const untouched = new Map<string, Promise<{ weights: Float32Array[]; history: unknown; batch: unknown }>>()

async function trainStock() {
  const model = network()
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError', metrics: ['mae'] })
  const [x, y] = [random([8, 5], 10), random([8, 1], 11)]
  const { history } = await model.fit(x, y, { batchSize: 3, epochs: 3, shuffle: false, verbose: 0 })
  const batch = await model.trainOnBatch(x, y)
  const result = { weights: weightsOf(model), history, batch }
  model.optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
  return result
}

test.before(async (t) => {
  const wrapped = Symbol.for('saltflat.makeTrainFunction')
  t.false(Object.hasOwn(tf.LayersModel.prototype, wrapped))
  for (const backend of backends) {
    await tf.setBackend(backend)
    const result = await trainStock()
    untouched.set(backend, Promise.resolve(result))
  }
  adam().dispose()
  t.true(Object.hasOwn(tf.LayersModel.prototype, wrapped), 'from here on the train function is wrapped')
})

onEachBackend(test, 'a model with a stock optimizer trains as if saltflat were not there', async (t, backend) => {
  t.deepEqual(await trainStock(), await untouched.get(backend)!)
})

for (const [entry, step] of entries) {
  for (const { name, build, compiled, reported, targets } of shapes) {
    onEachBackend(test, `${entry}: names as stock, values the means over the 2k passes: ${name}`, async (t) => {
      const [model, stock] = [build(), build()]
      const optimizer = nso(sgd({ learningRate: 0.05 }), noise)
      model.compile({ optimizer, ...compiled })
      stock.compile({ optimizer: 'sgd', ...compiled })
      const [x, y] = [random([8, 5], 10), targets()]
      const { names } = await step(stock, x, y)
      t.is(names.length, reported)
      for (let i = 0; i < 3; i++) {
        const expected: number[][] = []
        for (const weights of around(weightsOf(model), { ...noise, step: i })) {
          setWeights(stock, weights)
          const found = stock.evaluate(x, y, { batchSize: 8, verbose: 0 })
          const values = (Array.isArray(found) ? found : [found]).map((one) => one.dataSync()[0]!)
          // Stock evaluate puts the partial sums of several losses before their total.
          expected.push(values.slice(stock.outputs.length - 1))
          tf.dispose(found)
        }
        const clean = expected[0]![0]
        const got = await step(model, x, y)
        t.deepEqual(got.names, names)
        t.true(distance([got.values], [mean(expected)]) < 2e-6, `${got.values} against ${mean(expected)}`)
        t.true(Math.abs(got.values[0]! - clean!) > 1e-5, 'one pass alone is another number')
      }
      t.is(optimizer.iterations, 3)
      stock.optimizer.dispose()
      optimizer.dispose()
      tf.dispose([x, y])
      model.dispose()
      stock.dispose()
    })
  }
}

onEachBackend(test, 'minimize: the cost is the mean over the 2k passes, null unless asked for', (t) => {
  const w = tf.tidy(() => tf.variable(random([7], 1)))
  const f = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + Math.cosh(value), 0)
  const loss = () => tf.tidy(() => tf.sum(tf.cosh(w)) as tf.Scalar)
  const optimizer = nso(sgd({ learningRate: 0.01 }), noise)
  for (let step = 0; step < 3; step++) {
    const expected = around([(w.dataSync() as Float32Array).slice()], { ...noise, step }).map(([values]) => [
      f(values!),
    ])
    const cost = optimizer.minimize(loss, true, [w])!
    t.true(Math.abs(cost.dataSync()[0]! - mean(expected)[0]!) < 1e-5)
    cost.dispose()
  }
  t.is(optimizer.minimize(loss, false, [w]), null)
  optimizer.dispose()
})

onEachBackend(test, 'regularizers count in the loss of every pass', async (t) => {
  const l2 = 0.3
  const make = (strength: number) => {
    const kernelRegularizer = tf.regularizers.l2({ l2: strength })
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 1, inputShape: [5], kernelInitializer: start(1), kernelRegularizer })],
    })
    model.compile({ optimizer: nso(sgd(), noise), loss: 'meanSquaredError' })
    return model
  }
  const [plain, regular] = [make(0), make(l2)]
  const [x, y] = [random([8, 5], 10), random([8, 1], 11)]
  const passes = around(weightsOf(regular), { ...noise, step: 0 })
  const penalty = mean(passes.map(([kernel]) => [l2 * kernel!.reduce((sum, value) => sum + value * value, 0)]))[0]!
  const before = (await plain.trainOnBatch(x, y)) as number
  const after = (await regular.trainOnBatch(x, y)) as number
  t.true(penalty > 0.05)
  t.true(Math.abs(after - before - penalty) < 1e-5, `${after} - ${before} against ${penalty}`)
  for (const model of [plain, regular]) {
    model.optimizer.dispose()
    model.dispose()
  }
  tf.dispose([x, y])
})

const rates = { learningRate: 0.02 }
const twins: [string, () => FlatOptimizer, () => tf.Optimizer, number][] = [
  ['sgd', () => sgd(rates), () => tf.train.sgd(0.02), 1e-6],
  ['momentum', () => momentum({ ...rates, momentum: 0.8 }), () => tf.train.momentum(0.02, 0.8), 1e-5],
  ['adam', () => adam(rates), () => tf.train.adam(0.02, 0.9, 0.999, 1e-8), 1e-5],
  ['nso on sgd', () => nso(sgd(rates), noise), () => nso(tf.train.sgd(0.02), noise), 1e-6],
  [
    'nso on momentum',
    () => nso(momentum({ ...rates, momentum: 0.8 }), noise),
    () => nso(tf.train.momentum(0.02, 0.8), noise),
    1e-5,
  ],
  ['nso on adam', () => nso(adam(rates), noise), () => nso(tf.train.adam(0.02, 0.9, 0.999, 1e-8), noise), 1e-5],
]

/** Stock momentum forgets its rate at dispose (tfjs #4647). */
function disposeRate(optimizer: tf.Optimizer): void {
  const stock = (optimizer as Partial<FlatOptimizer>).settings?.base.foreign ?? optimizer
  const { c } = stock as unknown as { c?: tf.Tensor }
  c?.dispose()
}

for (const [name, ours, theirs, tolerance] of twins) {
  onEachBackend(test, `${name} follows its stock twin for 21 steps of fit`, async (t) => {
    const [x, y] = [random([10, 5], 10), random([10, 1], 11)]
    const ends: Float32Array[][] = []
    const losses: number[][] = []
    let begin: Float32Array[] = []
    for (const make of [ours, theirs]) {
      const [model, optimizer] = [network(), make()]
      begin = weightsOf(model)
      model.compile({ optimizer, loss: 'meanSquaredError' })
      // 4, 4 and 2 examples: the last batch of an epoch is short.
      const { history } = await model.fit(x, y, { batchSize: 4, epochs: 7, shuffle: false, verbose: 0 })
      ends.push(weightsOf(model))
      losses.push(history.loss as number[])
      t.is(optimizer.iterations, 21)
      optimizer.dispose()
      disposeRate(optimizer)
      model.dispose()
    }
    t.true(distance(ends[0]!, ends[1]!) < tolerance, `${distance(ends[0]!, ends[1]!)}`)
    t.true(distance(losses.slice(0, 1), losses.slice(1)) < tolerance)
    t.true(distance(ends[0]!, begin) > 0.01, 'it moved')
    t.true(losses[0]!.at(-1)! < losses[0]![0]!, 'it learned')
    tf.dispose([x, y])
  })
}

onEachBackend(test, 'fit goes on from weights that the user set in between', async (t) => {
  const [model, twin] = [network(), network()]
  const [a, b] = [sgd(rates), sgd(rates)]
  model.compile({ optimizer: a, loss: 'meanSquaredError' })
  twin.compile({ optimizer: b, loss: 'meanSquaredError' })
  const [x, y] = [random([8, 5], 10), random([8, 1], 11)]
  const begin = weightsOf(model)
  await model.trainOnBatch(x, y)
  setWeights(model, begin)
  await model.trainOnBatch(x, y)
  await twin.trainOnBatch(x, y)
  t.deepEqual(weightsOf(model), weightsOf(twin))
  t.notDeepEqual(weightsOf(model), begin)
  for (const one of [model, twin]) one.dispose()
  for (const one of [a, b]) one.dispose()
  tf.dispose([x, y])
})

/** What has made tfjs leak besides: the table of conformance has the rest. */
const habits: [string, Partial<tf.ModelFitArgs>][] = [
  ['with validationSplit', { validationSplit: 0.25 }],
  ['in short batches', { batchSize: 5 }],
]

function classifier(optimizer: tf.Optimizer): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 6, inputShape: [5], kernelInitializer: start(1) }),
      tf.layers.batchNormalization(),
      tf.layers.dropout({ rate: 0.3 }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy', 'mse'] })
  return model
}

function classes(): [tf.Tensor, tf.Tensor] {
  const y = tf.tidy(() => tf.oneHot([0, 1, 2, 0, 1, 2, 2, 1], 3).toFloat())
  return [random([8, 5], 10), y]
}

for (const [habit, options] of habits) {
  onEachBackend(test, `30 steps of fit ${habit} leave no tensor behind`, async (t) => {
    const optimizer = nso(adam(), { sigma: 0.05, seed: 3, perturbations: 2 })
    const model = classifier(optimizer)
    const [x, y] = classes()
    const run = (epochs: number) => model.fit(x, y, { batchSize: 8, epochs, verbose: 0, ...options })
    await run(2)
    const { numTensors, numBytes } = tf.memory()
    await run(30)
    t.true(optimizer.iterations >= 32)
    t.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes])
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  })
}

onEachBackend(
  test,
  '30 steps of fit with validationData, fitDataset and trainOnBatch leave no tensor behind',
  async (t) => {
    const optimizer = nso(adam(), { sigma: 0.05, seed: 3 })
    const model = classifier(optimizer)
    const [x, y] = classes()
    const validationData: [tf.Tensor, tf.Tensor] = [x, y]
    const runs: [string, (count: number) => Promise<unknown>][] = [
      ['fit', (epochs) => model.fit(x, y, { batchSize: 8, epochs, verbose: 0, validationData })],
      ...entries.map(([name, step]): [string, (count: number) => Promise<unknown>] => [
        name,
        async (count) => {
          for (let i = 0; i < count; i++) await step(model, x, y)
        },
      ]),
    ]
    for (const [name, run] of runs) {
      await run(2)
      const { numTensors, numBytes } = tf.memory()
      await run(30)
      t.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes], name)
    }
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  },
)

onEachBackend(
  test,
  'sample weights of fit are what they are in stock: not supported by tfjs, and nothing has changed',
  async (t) => {
    const optimizer = nso(sgd(), noise)
    const model = network()
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const [x, y, sampleWeight] = [random([8, 5], 10), random([8, 1], 11), tf.ones([8])]
    const before = weightsOf(model)
    await t.throwsAsync(model.fit(x, y, { sampleWeight, verbose: 0 }), {
      message: 'sample weight is not supported yet.',
    })
    t.deepEqual(weightsOf(model), before)
    for (const one of [optimizer, model]) one.dispose()
    tf.dispose([x, y, sampleWeight])
  },
)
