import test from 'ava'
import {
  adam,
  adamw,
  type FlatOptimizer,
  lion,
  momentum,
  nesterov,
  nso,
  rmsprop,
  type SaltflatError,
  sam,
  sgd,
} from '../../src/index.ts'
import type { ParameterFilter } from '../../src/types.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { around, distance, random, setWeights, start, weightsOf } from '../helpers/training.ts'

const noise = { seed: 9, sigma: 0.1, perturbations: 2 }

/** What a loss saw in each of its calls. */
interface Seen {
  weights: Float32Array[]
  targets: number[]
}

/** 4 → 3 → 1 with a loss that notes the weights and targets of every pass. */
function recorded(optimizer: tf.Optimizer, norm = false): { model: tf.LayersModel; seen: Seen[] } {
  const first = tf.layers.dense({ units: 3, activation: 'tanh', inputShape: [4], kernelInitializer: start(1) })
  const last = tf.layers.dense({ units: 1, kernelInitializer: start(2) })
  const model = tf.sequential({ layers: [first, ...(norm ? [tf.layers.batchNormalization()] : []), last] })
  const seen: Seen[] = []
  model.compile({
    optimizer,
    loss: (y, p) => {
      seen.push({ weights: weightsOf(model), targets: [...y.dataSync()] })
      return tf.losses.meanSquaredError(y, p)
    },
  })
  return { model, seen }
}

const batch = (examples: number): [tf.Tensor, tf.Tensor] => [random([examples, 4], 10), random([examples, 1], 11)]

onEachBackend(test, 'a learning rate as a function is asked once a step for 0, 1, 2, …', async (t) => {
  const asked: number[] = []
  const rates = [0.1, 0, 0.05]
  const optimizer = nso(
    sgd({
      learningRate: (step) => {
        asked.push(step)
        return rates[step]!
      },
    }),
    noise,
  )
  const { model } = recorded(optimizer)
  const [x, y] = batch(8)
  const moves: number[] = []
  for (let step = 0; step < 3; step++) {
    const before = weightsOf(model)
    await model.trainOnBatch(x, y)
    moves.push(distance(before, weightsOf(model)))
  }
  t.deepEqual(asked, [0, 1, 2])
  t.true(moves[0]! > 0.001 && moves[2]! > 0.001, `${moves}`)
  t.is(moves[1], 0)
  optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
})

const settable: [string, () => FlatOptimizer][] = [
  ['sgd', () => sgd({ learningRate: 0.1 })],
  ['nso on momentum', () => nso(momentum({ learningRate: 0.1 }), noise)],
  ['nesterov', () => nesterov({ learningRate: 0.1 })],
  ['nso on rmsprop', () => nso(rmsprop({ learningRate: 0.1 }), noise)],
  ['sam on lion', () => sam(lion({ learningRate: 0.1 }))],
  ['amsgrad', () => adam({ learningRate: 0.1, amsgrad: true })],
  ['nso on tf.train.sgd', () => nso(tf.train.sgd(0.1), noise)],
  ['nso on tf.train.adam', () => nso(tf.train.adam(0.1), noise)],
]

for (const [name, make] of settable) {
  onEachBackend(test, `${name}: learningRate is read and set between steps`, async (t) => {
    const optimizer = make()
    t.is(optimizer.learningRate, 0.1)
    const { model } = recorded(optimizer)
    const [x, y] = batch(8)
    await model.trainOnBatch(x, y)
    const before = weightsOf(model)
    optimizer.learningRate = 0
    t.is(optimizer.learningRate, 0)
    await model.trainOnBatch(x, y)
    t.is(distance(before, weightsOf(model)), 0)
    optimizer.learningRate = 0.2
    await model.trainOnBatch(x, y)
    t.true(distance(before, weightsOf(model)) > 0.001)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  })
}

test.serial('a learning rate out of range is refused where it is set', (t) => {
  const optimizer = sgd({ learningRate: 0.1 })
  for (const bad of [-1, Number.NaN, '0.1', null]) {
    const error = t.throws(() => {
      optimizer.learningRate = bad as number
    })
    t.is((error as SaltflatError).code, 'ERR_INVALID_ARGUMENT')
    t.is(optimizer.learningRate, 0.1)
  }
})

onEachBackend(
  test,
  'where a schedule gives sigma 0, the step is a plain one and gives no curvature sample',
  async (t) => {
    const optimizer = nso(sgd({ learningRate: 0.1 }), { ...noise, sigma: (step) => (step % 2 === 0 ? 0 : 0.1) })
    const plain = sgd({ learningRate: 0.1 })
    const [{ model, seen }, twin] = [recorded(optimizer), recorded(plain)]
    const [x, y] = batch(8)
    const counts: number[] = []
    for (let step = 0; step < 4; step++) {
      setWeights(twin.model, weightsOf(model))
      seen.length = 0
      await model.trainOnBatch(x, y)
      await twin.model.trainOnBatch(x, y)
      counts.push(seen.length)
      if (step % 2 === 0) t.deepEqual(weightsOf(model), weightsOf(twin.model))
      else t.notDeepEqual(weightsOf(model), weightsOf(twin.model))
      t.is(optimizer.curvature?.samples ?? 0, Math.floor((step + 1) / 2))
    }
    t.deepEqual(counts, [1, 4, 1, 4])
    t.is(optimizer.curvature?.sigma, 0.1)
    for (const one of [optimizer, plain, model, twin.model]) one.dispose()
    tf.dispose([x, y])
  },
)

onEachBackend(test, 'a schedule that gives nonsense is a typed error, and nothing has changed', async (t) => {
  const [x, y] = batch(8)
  for (const bad of [Number.NaN, -1, '1' as unknown as number]) {
    for (const make of [
      () => nso(sgd(), { ...noise, sigma: () => bad }),
      () => sam(sgd(), { rho: () => bad }),
      () => nso(sgd({ learningRate: () => bad }), noise),
    ]) {
      const optimizer = make()
      const { model, seen } = recorded(optimizer)
      const before = weightsOf(model)
      await t.throwsAsync(model.trainOnBatch(x, y), { code: 'ERR_INVALID_ARGUMENT', message: /at step 0, received/ })
      t.deepEqual(weightsOf(model), before)
      t.is(seen.length, 0)
      t.is(optimizer.iterations, 0)
      optimizer.dispose()
      model.dispose()
    }
  }
  tf.dispose([x, y])
})

/** Filters by every form, and the weights (kernel, bias, kernel, bias) that they choose. */
const filters: [string, ParameterFilter, boolean[]][] = [
  ['a part of the name', 'kernel', [true, false, true, false]],
  ['a regular expression with state', /bias/g, [false, true, false, true]],
  ['an array', ['kernel', /bias/], [true, true, true, true]],
  ['a function of the place', (_, index) => index === 2, [false, false, true, false]],
]

for (const [name, filter, chosen] of filters) {
  onEachBackend(test, `a filter by ${name} perturbs nobody else, and moves nobody else's noise`, async (t) => {
    const optimizer = nso(sgd(), { ...noise, filter })
    const { model, seen } = recorded(optimizer)
    const [x, y] = batch(8)
    for (let step = 0; step < 2; step++) {
      const before = weightsOf(model)
      const expected = around(before, { ...noise, step })
      seen.length = 0
      await model.trainOnBatch(x, y)
      t.is(seen.length, 4)
      for (const [pass, { weights }] of seen.entries()) {
        for (const [i, values] of weights.entries()) {
          if (chosen[i]) t.true(distance([values], [expected[pass]![i]!]) < 1e-6)
          else t.deepEqual(values, before[i])
        }
      }
    }
    t.is(optimizer.curvature?.perLayer.length, chosen.filter(Boolean).length)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  })
}

onEachBackend(test, "data: 'split' gives each pair its part of the batch, with its class weights", async (t) => {
  for (const [examples, parts] of [
    [8, [4, 4]],
    [5, [3, 2]],
    [2, [1, 1]],
  ] as const) {
    const optimizer = nso(sgd(), { ...noise, data: 'split' })
    const { model, seen } = recorded(optimizer)
    const [x, y] = batch(examples)
    const targets = [...y.dataSync()]
    await model.trainOnBatch(x, y)
    const [left, right] = [targets.slice(0, parts[0]), targets.slice(parts[0])]
    t.deepEqual(
      seen.map((one) => one.targets),
      [left, left, right, right],
    )
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  }
})

onEachBackend(test, "data: 'split' takes the mean gradient of the parts, class weights and all", async (t) => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [4], kernelInitializer: start(1) })] })
  const optimizer = nso(sgd({ learningRate: 1 }), { seed: 1, sigma: 1e-6, perturbations: 2, data: 'split' })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const x = random([4, 4], 10)
  const y = tf.tidy(() => tf.oneHot([0, 1, 1, 0], 2).toFloat())
  const before = weightsOf(model)
  const classWeight = { 0: 1, 1: 3 }
  await model.fit(x, y, { batchSize: 4, epochs: 1, shuffle: false, verbose: 0, classWeight })
  const whole = weightsOf(model)
  setWeights(model, before)
  const plain = sgd({ learningRate: 1 })
  model.compile({ optimizer: plain, loss: 'meanSquaredError' })
  await model.fit(x, y, { batchSize: 4, epochs: 1, shuffle: false, verbose: 0, classWeight })
  // Parts of one size: the mean of their means is the mean.
  t.true(distance(whole, weightsOf(model)) < 1e-4)
  t.true(distance(before, whole) > 0.01)
  optimizer.dispose()
  plain.dispose()
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, "data: 'split' of a batch with fewer examples than parts shares it", async (t) => {
  const optimizer = nso(adam(), { ...noise, perturbations: 3, data: 'split' })
  const { model, seen } = recorded(optimizer)
  const [x, y] = batch(2)
  await model.trainOnBatch(x, y)
  t.deepEqual(
    seen.map(({ targets }) => targets.length),
    Array(6).fill(2),
  )
  t.is(optimizer.iterations, 1)
  optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, "data: 'split' in a step without noise, and in a clean pass, takes the whole batch", async (t) => {
  const [x, y] = batch(6)
  const targets = [...y.dataSync()]
  for (const [options, passes] of [
    [{ sigma: () => 0 }, 1],
    [{ batchNorm: 'clean' }, 5],
  ] as const) {
    const optimizer = nso(sgd(), { ...noise, data: 'split', ...options })
    const { model, seen } = recorded(optimizer, passes === 5)
    await model.trainOnBatch(x, y)
    t.is(seen.length, passes)
    t.deepEqual(seen.at(-1)!.targets, targets)
    optimizer.dispose()
    model.dispose()
  }
  tf.dispose([x, y])
})

onEachBackend(
  test,
  'mixing λ: the first pass is at W, and counts in the mean loss; the update mixes by λ',
  async (t) => {
    const [lambda, rate] = [0.25, 0.5]
    const optimizer = nso(sgd({ learningRate: rate }), { ...noise, mixing: lambda })
    const { model, seen } = recorded(optimizer)
    const [x, y] = batch(8)
    const before = weightsOf(model)
    const passes = [before, ...around(before, { ...noise, step: 0 })]
    const cost = (await model.trainOnBatch(x, y)) as number
    const after = weightsOf(model)
    t.is(seen.length, 5)
    t.true(seen.every(({ weights }, i) => distance(weights, passes[i]!) < 1e-6))

    // The same by stock gradients at these five points.
    const gradients: Float32Array[][] = []
    const losses: number[] = []
    for (const weights of passes) {
      setWeights(
        model,
        weights.map((one) => Float32Array.from(one)),
      )
      const { value, grads } = tf.variableGrads(
        () =>
          tf.tidy(() => tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar),
        model.trainableWeights.map((one) => one.read() as tf.Variable),
      )
      losses.push(value.dataSync()[0]!)
      gradients.push(
        model.trainableWeights.map((one) =>
          (grads[(one.read() as tf.Variable).name]!.dataSync() as Float32Array).slice(),
        ),
      )
      tf.dispose([value, grads] as unknown as tf.Tensor[])
    }
    t.true(Math.abs(cost - losses.reduce((sum, one) => sum + one, 0) / 5) < 1e-6)
    const expected = before.map((values, i) =>
      values.map((value, j) => {
        const noisy = gradients.slice(1).reduce((sum, one) => sum + one[i]![j]!, 0) / 4
        return value - rate * (lambda * gradients[0]![i]![j]! + (1 - lambda) * noisy)
      }),
    )
    t.true(distance(after, expected) < 1e-6)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  },
)

onEachBackend(test, 'minimize takes a list, or every trainable variable, and leaves those that may not train', (t) => {
  const [a, b, c] = tf.tidy(() => [
    tf.variable(tf.scalar(1)),
    tf.variable(tf.scalar(2), false),
    tf.variable(tf.scalar(3)),
  ]) as unknown as [tf.Variable, tf.Variable, tf.Variable]
  const values = () => [a, b, c].map((one) => one.dataSync()[0]!)
  const product = () => tf.tidy(() => tf.mul(tf.mul(a, b), c) as tf.Scalar)
  const [one, all, given] = [nso(sgd(), noise), nso(sgd(), noise), nso(adamw({ weightDecay: 0.5 }), noise)]
  one.minimize(product, false, [a])
  t.deepEqual(values().slice(1), [2, 3])
  t.not(values()[0], 1)
  all.minimize(product)
  t.is(values()[1], 2)
  t.not(values()[2], 3)
  given.minimize(product, false, [a, b])
  t.is(values()[1], 2)
  for (const optimizer of [one, all, given]) optimizer.dispose()
})

onEachBackend(test, 'applyGradients applies arrays, maps and gaps, and leaves the gradients to their owner', (t) => {
  const [a, b] = tf.tidy(() => [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))]) as unknown as [
    tf.Variable,
    tf.Variable,
  ]
  const optimizer = sgd({ learningRate: 1 })
  const gradient = tf.scalar(0.25)
  optimizer.applyGradients({ [a.name]: gradient, [b.name]: gradient })
  t.deepEqual([...a.dataSync(), ...b.dataSync()], [0.75, 1.75])
  t.false(gradient.isDisposed)
  t.is(gradient.dataSync()[0], 0.25)
  optimizer.applyGradients([
    { name: a.name, tensor: gradient },
    { name: b.name, tensor: null as unknown as tf.Tensor },
  ])
  t.deepEqual([...a.dataSync(), ...b.dataSync()], [0.5, 1.75])
  t.is(optimizer.iterations, 2)
  gradient.dispose()
  optimizer.dispose()
})
