import test from 'ava'
import { adam, type BatchNormMode, type FlatOptimizer, nso, oneSided, sam, sgd } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { around, distance, entries, random, setWeights, start, weightsOf } from '../helpers/training.ts'

const noise = { seed: 4, sigma: 0.2, perturbations: 2 }
const momentum = 0.5
const examples = 8

/** dense → BatchNorm → dense; weights: kernel, bias, gamma, beta, kernel, bias, moving mean, moving variance. */
function normalised(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 3, inputShape: [4], kernelInitializer: start(1) }),
      tf.layers.batchNormalization({ momentum }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
}
const moving = (weights: Float32Array[]) => weights.slice(6)

/** One BatchNorm layer that two inputs share. */
function shared(): tf.LayersModel {
  const inputs = [tf.input({ shape: [4] }), tf.input({ shape: [4] })]
  const dense = tf.layers.dense({ units: 3, kernelInitializer: start(1) })
  const norm = tf.layers.batchNormalization({ momentum })
  const both = inputs.map((input) => norm.apply(dense.apply(input)) as tf.SymbolicTensor)
  const sum = tf.layers.add().apply(both)
  const output = tf.layers.dense({ units: 1, kernelInitializer: start(2) }).apply(sum)
  return tf.model({ inputs, outputs: output as tf.SymbolicTensor })
}

/** The moving statistics after one update from zeros and ones by the outputs of the first layer, in f64. */
function expectedMoving(x: tf.Tensor, [kernel, bias]: Float32Array[]): number[][] {
  const rows = (x as tf.Tensor2D).arraySync()
  const outputs = rows.map((row) =>
    Array.from(bias!, (b, unit) => row.reduce((sum, value, i) => sum + value * kernel![i * 3 + unit]!, b)),
  )
  const column = (unit: number) => outputs.map((row) => row[unit]!)
  const stats = [0, 1, 2].map((unit) => {
    const mean = column(unit).reduce((sum, value) => sum + value, 0) / examples
    return [mean, column(unit).reduce((sum, value) => sum + (value - mean) ** 2, 0) / examples]
  })
  return [0, 1].map((which) => stats.map((one) => which * momentum + (1 - momentum) * one[which]!))
}

for (const [entry, step] of entries) {
  onEachBackend(test, `${entry}: with 'last', BatchNorm's statistics move once a step, by the last pass`, async (t) => {
    const optimizer = nso(sgd(), { ...noise, batchNorm: 'last' })
    const model = normalised()
    model.compile({ optimizer, loss: 'meanSquaredError', metrics: ['mae'] })
    const [x, y] = [random([examples, 4], 10), random([examples, 1], 11)]
    const last = around(weightsOf(model).slice(0, 6), { ...noise, step: 0 }).at(-1)!
    await step(model, x, y)
    const found = moving(weightsOf(model))
    t.true(distance(found, expectedMoving(x, last)) < 1e-5, `${found} against ${expectedMoving(x, last)}`)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  })
}

/** Each mode, with what stock tfjs at W (one update), and nothing at all, would leave. */
const modes: [string, BatchNormMode, () => FlatOptimizer][] = [
  ['nso by default', 'clean', () => nso(sgd(), noise)],
  ['nso', 'clean', () => nso(sgd(), { ...noise, batchNorm: 'clean' })],
  ['nso', 're-estimate', () => nso(sgd(), { ...noise, batchNorm: 're-estimate' })],
  ['sam', 'clean', () => sam(sgd(), { batchNorm: 'clean' })],
  ['sgd', 'last', () => sgd()],
  ['nso with sigma 0', 'last', () => nso(sgd(), { ...noise, sigma: () => 0 })],
  ['nso with sigma 0', 'clean', () => nso(sgd(), { ...noise, sigma: () => 0, batchNorm: 'clean' })],
]

for (const [method, mode, make] of modes) {
  for (const [name, build, inputs] of [
    ['one layer', normalised, 1],
    ['a shared layer', shared, 2],
  ] as const) {
    onEachBackend(test, `${method}, BatchNorm '${mode}', ${name}: as stock at W, or not at all`, async (t) => {
      const [model, stock] = [build(), build()]
      const optimizer = make()
      model.compile({ optimizer, loss: 'meanSquaredError', metrics: ['mae'] })
      stock.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['mae'] })
      const x = Array.from({ length: inputs }, (_, i) => random([examples, 4], 10 + i))
      const y = random([examples, 1], 20)
      const before = moving(weightsOf(model))
      await model.trainOnBatch(x, y)
      await stock.trainOnBatch(x, y)
      const after = moving(weightsOf(model))
      t.deepEqual(after, mode === 're-estimate' ? before : moving(weightsOf(stock)))
      t.true(distance(moving(weightsOf(stock)), before) > 0.1, 'stock moved')
      stock.optimizer.dispose()
      optimizer.dispose()
      model.dispose()
      stock.dispose()
      tf.dispose([...x, y])
    })
  }
}

onEachBackend(test, 'a shared BatchNorm layer moves twice in the last pass, as in stock', async (t) => {
  const [model, stock] = [shared(), shared()]
  const optimizer = nso(sgd(), { ...noise, batchNorm: 'last' })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  stock.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const [a, b, y] = [random([examples, 4], 10), random([examples, 4], 11), random([examples, 1], 20)]
  const weights = weightsOf(model)
  setWeights(stock, [...around(weights.slice(0, 6), { ...noise, step: 0 }).at(-1)!, ...moving(weights)].map(f32))
  await model.trainOnBatch([a, b], y)
  await stock.trainOnBatch([a, b], y)
  t.true(distance(moving(weightsOf(model)), moving(weightsOf(stock))) < 1e-5)
  stock.optimizer.dispose()
  optimizer.dispose()
  model.dispose()
  stock.dispose()
  tf.dispose([a, b, y])
})

onEachBackend(
  test,
  "the clean pass of BatchNorm is in no reported value: they are the noisy passes' means, as is the free trace",
  async (t) => {
    const results: number[][] = []
    const traces: number[][] = []
    for (const batchNorm of ['last', 'clean'] as const) {
      const optimizer = nso(sgd(), { ...noise, batchNorm })
      const model = normalised()
      model.compile({ optimizer, loss: 'meanSquaredError', metrics: ['mse'] })
      const [x, y] = [random([examples, 4], 10), random([examples, 1], 11)]
      results.push((await model.trainOnBatch(x, y)) as number[])
      const { trace, perLayer } = optimizer.curvature!
      traces.push([trace, ...perLayer.map((one) => one.trace)])
      optimizer.dispose()
      model.dispose()
      tf.dispose([x, y])
    }
    t.deepEqual(results[1], results[0])
    t.deepEqual(traces[1], traces[0])
    t.true(Math.abs(results[0]![0]! - results[0]![1]!) < 1e-6, 'mse is the loss')
  },
)

onEachBackend(
  test,
  'a clean pass that fails leaves weights and statistics bit-equal, and training goes on',
  async (t) => {
    const [optimizer, other] = [nso(adam(), noise), nso(adam(), noise)]
    const [model, twin] = [normalised(), normalised()]
    let passes = 0
    let fail = true
    const loss = (targets: tf.Tensor, predictions: tf.Tensor) => {
      if (++passes === 5 && fail) throw new Error('mine')
      return tf.losses.meanSquaredError(targets, predictions)
    }
    model.compile({ optimizer, loss })
    twin.compile({ optimizer: other, loss: 'meanSquaredError' })
    const [x, y] = [random([examples, 4], 10), random([examples, 1], 11)]
    const before = weightsOf(model)
    const { numTensors } = tf.memory()
    await t.throwsAsync(model.trainOnBatch(x, y), { code: 'ERR_LOSS' })
    t.is(passes, 5)
    t.deepEqual(weightsOf(model), before)
    t.is(tf.memory().numTensors, numTensors)
    fail = false
    for (const one of [model, twin]) await one.trainOnBatch(x, y)
    t.deepEqual(weightsOf(model), weightsOf(twin))
    for (const one of [optimizer, other, model, twin]) one.dispose()
    tf.dispose([x, y])
  },
)

/** Forward passes of a step in mode 'clean': gradients, and one more only where something moves and none was at W. */
const counts: [string, () => FlatOptimizer, number, number][] = [
  ['nso', () => nso(sgd(), { ...noise, batchNorm: 'clean' }), 4, 5],
  ['nso, sigma 0', () => nso(sgd(), { ...noise, sigma: () => 0, batchNorm: 'clean' }), 1, 1],
  ['nso, mixing', () => nso(sgd(), { ...noise, mixing: 0.5, batchNorm: 'clean' }), 5, 5],
  ['one-sided', () => oneSided(sgd(), { ...noise, batchNorm: 'clean' }), 2, 3],
  ['sam', () => sam(sgd(), { batchNorm: 'clean' }), 2, 2],
]

for (const [name, make, still, moves] of counts) {
  onEachBackend(test, `${name}: a clean pass costs nothing where a pass is at W, or nothing moves`, async (t) => {
    const [x, y] = [random([examples, 4], 10), random([examples, 1], 11)]
    for (const [model, expected] of [
      [normalised(), moves],
      [tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] }), still],
    ] as const) {
      let passes = 0
      const optimizer = make()
      const loss = (targets: tf.Tensor, predictions: tf.Tensor) => {
        passes++
        return tf.losses.meanSquaredError(targets, predictions)
      }
      model.compile({ optimizer, loss })
      for (let step = 1; step <= 2; step++) {
        await model.trainOnBatch(x, y)
        t.is(passes, step * expected)
      }
      optimizer.dispose()
      model.dispose()
    }
    tf.dispose([x, y])
  })
}

onEachBackend(test, 'sam moves the statistics once, also where the gradient is zero', async (t) => {
  const optimizer = sam(sgd(), { rho: 0.1 })
  const model = normalised()
  model.compile({ optimizer, loss: (y, p) => tf.mul(tf.losses.meanSquaredError(y, p), 0) })
  const [x, y] = [random([examples, 4], 10), random([examples, 1], 11)]
  const expected = expectedMoving(x, weightsOf(model))
  await model.trainOnBatch(x, y)
  const found = moving(weightsOf(model))
  optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
  t.true(distance(found, expected) < 1e-5)
})

/** Layers that draw at every training pass, with their seeded forms where there are any. */
const drawing: [string, (seed?: number) => tf.layers.Layer[], boolean][] = [
  ['dropout', (seed) => [tf.layers.dropout({ rate: 0.5, ...(seed === undefined ? {} : { seed }) })], true],
  ['gaussianNoise', () => [tf.layers.gaussianNoise({ stddev: 1 })], false],
  ['gaussianDropout', () => [tf.layers.gaussianDropout({ rate: 0.5 })], false],
  ['alphaDropout', () => [tf.layers.alphaDropout({ rate: 0.5 })], false],
  ['recurrent dropout', recurrent, false],
]

/** A layer that drops inputs and states, on the twelve features as three steps. */
function recurrent(): tf.layers.Layer[] {
  const options = { units: 12, dropout: 0.5, recurrentDropout: 0.5 }
  const starts = { kernelInitializer: start(2), recurrentInitializer: start(3) }
  return [tf.layers.reshape({ targetShape: [3, 4] }), tf.layers.lstm({ ...options, ...starts })]
}

/** What the random layer made of a fixed input in each pass: the weights hardly move. */
async function passes(layer: tf.layers.Layer[], optimizer: tf.Optimizer, steps: number): Promise<number[][]> {
  const model = tf.sequential({
    layers: [tf.layers.dense({ units: 12, inputShape: [4], kernelInitializer: start(1) }), ...layer],
  })
  const seen: number[][] = []
  const loss = (y: tf.Tensor, p: tf.Tensor) => {
    seen.push([...p.dataSync()])
    return tf.losses.meanSquaredError(y, p)
  }
  model.compile({ optimizer, loss })
  const [x, y] = [random([3, 4], 10), random([3, 12], 11)]
  for (let i = 0; i < steps; i++) await model.trainOnBatch(x, y)
  optimizer.dispose()
  // Stock layers keep the masks of their last call.
  const { cell } = layer.at(-1) as unknown as { cell?: Record<string, tf.Tensor> }
  tf.dispose([cell?.dropoutMask, cell?.recurrentDropoutMask] as tf.Tensor[])
  model.dispose()
  tf.dispose([x, y])
  return seen
}

const still = { seed: 6, sigma: 1e-9, perturbations: 2 }
const same = (a: number[] | undefined, b: number[] | undefined) => distance([a!], [b!]) < 1e-5

for (const [name, layer, seedable] of drawing) {
  onEachBackend(
    test,
    `${name}: one draw a pair, others in the next pair and step, the same in the next run`,
    async (t) => {
      const random = Math.random
      const run = () => passes(layer(), nso(sgd({ learningRate: 0 }), still), 3)
      const seen = await run()
      t.is(Math.random, random)
      t.is(seen.length, 12)
      for (let pair = 0; pair < 6; pair++) {
        t.true(same(seen[2 * pair], seen[2 * pair + 1]), `pair ${pair}`)
        for (let other = 0; other < pair; other++) t.false(same(seen[2 * pair], seen[2 * other]), `${pair}, ${other}`)
      }
      t.deepEqual(await run(), seen)
      const otherSeed = await passes(layer(), nso(sgd({ learningRate: 0 }), { ...still, seed: 7 }), 1)
      t.false(same(otherSeed[0], seen[0]))
    },
  )

  if (seedable) {
    onEachBackend(test, `${name} with a seed of its own: the same mask always, as stock`, async (t) => {
      const seen = await passes(layer(5), nso(sgd({ learningRate: 0 }), still), 2)
      const stock = await passes(layer(5), tf.train.sgd(0), 1)
      t.is(seen.length, 8)
      for (const one of seen) t.true(same(one, stock[0]))
    })
  }
}

onEachBackend(test, 'Math.random is back after a step, after a throw, and is ours only inside a pass', async (t) => {
  const random = Math.random
  const inside: boolean[] = []
  let bad = false
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
  const optimizer = nso(adam(), still)
  model.compile({
    optimizer,
    loss: (y, p) => {
      inside.push(Math.random !== random)
      if (bad) throw new Error('mine')
      return tf.losses.meanSquaredError(y, p)
    },
  })
  const [x, y] = [tf.ones([2, 2]), tf.ones([2, 1])]
  await model.trainOnBatch(x, y)
  t.is(Math.random, random)
  bad = true
  await t.throwsAsync(model.trainOnBatch(x, y), { code: 'ERR_LOSS' })
  t.is(Math.random, random)
  t.deepEqual(inside, [true, true, true, true, true])
  optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'Variable.assign is back after a throw, and a loss in a loop of its own may assign', (t) => {
  const [w, count] = tf.tidy(() => [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(0), false)]) as [
    tf.Variable,
    tf.Variable,
  ]
  const { assign } = Object.getPrototypeOf(w) as tf.Variable
  const optimizer = nso(sgd(), still)
  let bad = false
  const loss = () =>
    tf.tidy(() => {
      count.assign(tf.add(count, 1) as tf.Scalar)
      if (bad) throw new Error('mine')
      return tf.square(w) as tf.Scalar
    })
  const before = tf.memory().numTensors
  optimizer.minimize(loss, false, [w])
  t.is(count.dataSync()[0], 1, 'once a step')
  bad = true
  t.throws(() => optimizer.minimize(loss, false, [w]), { code: 'ERR_LOSS' })
  t.is(count.dataSync()[0], 1)
  t.is((Object.getPrototypeOf(w) as tf.Variable).assign, assign)
  t.is(tf.memory().numTensors, before)
  optimizer.dispose()
})

function f32(values: ArrayLike<number>): Float32Array {
  return Float32Array.from(values)
}
