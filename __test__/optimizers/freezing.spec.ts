import test from 'ava'
import { adam, adamw, type FlatOptimizer, lion, nso, oneSided, rmsprop, sam, sgd } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { stateOf } from '../helpers/state.ts'
import { distance, random, start, weightsOf } from '../helpers/training.ts'

const noise = { seed: 9, sigma: 0.1, perturbations: 2 }
const make = () => nso(adam({ learningRate: 0.1 }), noise)

/** 4 → 3 → 1, the first layer frozen. */
function frozen(optimizer: tf.Optimizer): { model: tf.LayersModel; first: tf.layers.Layer } {
  const first = tf.layers.dense({ units: 3, activation: 'tanh', inputShape: [4], kernelInitializer: start(1) })
  first.trainable = false
  const model = tf.sequential({ layers: [first, tf.layers.dense({ units: 1, kernelInitializer: start(2) })] })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  return { model, first }
}
const data = () => [random([8, 4], 10), random([8, 1], 11)] as const
const values = (layer: tf.layers.Layer) => layer.getWeights().map((one) => one.dataSync().slice())
const compile = (model: tf.LayersModel, optimizer: FlatOptimizer) =>
  model.compile({ optimizer, loss: 'meanSquaredError' })

onEachBackend(
  test,
  'unfreezing and compiling with the same optimizer is refused; nothing changes; both ways go on',
  async (t) => {
    const [optimizer, other] = [make(), make()]
    const [{ model, first }, twin] = [frozen(optimizer), frozen(other)]
    const [x, y] = data()
    for (const one of [model, twin.model]) await one.trainOnBatch(x, y)
    const [weights, state] = [weightsOf(model), await stateOf(optimizer)]

    first.trainable = true
    compile(model, optimizer)
    await t.throwsAsync(model.trainOnBatch(x, y), {
      code: 'ERR_STATE',
      message: /is new\)\. .* after freezing or unfreez/,
    })
    // tfjs lists the layers in another order now.
    t.deepEqual([...weightsOf(model).slice(2), ...weightsOf(model).slice(0, 2)], weights)
    t.deepEqual(await stateOf(optimizer), state)

    // Frozen again, it goes on as if nothing had been tried.
    first.trainable = false
    compile(model, optimizer)
    for (const one of [model, twin.model]) await one.trainOnBatch(x, y)
    t.deepEqual(weightsOf(model), weightsOf(twin.model))

    // A new optimizer trains all of it from here.
    first.trainable = true
    const fresh = make()
    compile(model, fresh)
    const before = weightsOf(model)
    await model.trainOnBatch(x, y)
    const after = weightsOf(model)
    for (const [i, one] of after.entries()) t.true(distance([one], [before[i]!]) > 0, `weight ${i}`)
    for (const one of [optimizer, other, fresh, model, twin.model]) one.dispose()
    tf.dispose([x, y])
  },
)

onEachBackend(test, 'without compiling again, fit trains what was compiled, as in stock', async (t) => {
  const [optimizer, stock] = [sgd(), tf.train.sgd(0.01)]
  const [ours, theirs] = [frozen(optimizer), frozen(stock)]
  const [x, y] = data()
  const warn = console.warn
  console.warn = () => {}
  try {
    for (const { model, first } of [ours, theirs]) {
      const before = values(first)
      await model.trainOnBatch(x, y)
      first.trainable = true
      await model.fit(x, y, { epochs: 2, shuffle: false, verbose: 0 })
      t.deepEqual(values(first), before)
    }
  } finally {
    console.warn = warn
  }
  t.true(distance(weightsOf(ours.model), weightsOf(theirs.model)) < 1e-6)
  for (const one of [optimizer, stock, ours.model, theirs.model]) one.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'own loop: a longer, shorter or reordered list is refused, and the old one goes on', async (t) => {
  const [optimizer, other] = [make(), make()]
  const [{ model, first }, twin] = [frozen(optimizer), frozen(other)]
  const [x, y] = data()
  const listed = (one: tf.LayersModel) => one.trainableWeights.map((weight) => weight.read() as tf.Variable)
  const lossOf = (one: tf.LayersModel) => () =>
    tf.tidy(() => tf.losses.meanSquaredError(y, one.apply(x, { training: true }) as tf.Tensor) as tf.Scalar)
  const known = listed(model)
  const others = listed(twin.model)
  optimizer.minimize(lossOf(model), false, known)
  other.minimize(lossOf(twin.model), false, others)
  first.trainable = true
  const all = listed(model)
  t.is(all.length, 4)
  const [weights, state] = [weightsOf(model), await stateOf(optimizer)]
  for (const [list, message] of [
    [all, /is new/],
    [known.slice(0, 1), /is missing/],
    [[...known].reverse(), /in another order/],
  ] as const) {
    t.throws(() => optimizer.minimize(lossOf(model), false, [...list]), { code: 'ERR_STATE', message })
    t.deepEqual(weightsOf(model), weights)
    t.deepEqual(await stateOf(optimizer), state)
  }
  optimizer.minimize(lossOf(model), false, known)
  other.minimize(lossOf(twin.model), false, others)
  t.deepEqual(
    known.map((one) => one.dataSync()),
    others.map((one) => one.dataSync()),
  )
  for (const one of [optimizer, other, model, twin.model]) one.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'a variable of the list that is frozen in mid-run is refused, not trained on', (t) => {
  const [a, b] = tf.tidy(() => [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))]) as unknown as [
    tf.Variable,
    tf.Variable,
  ]
  const optimizer = nso(adamw(), noise)
  const loss = () => tf.tidy(() => tf.square(tf.mul(a, b)) as tf.Scalar)
  optimizer.minimize(loss, false, [a, b])
  const before = [...a.dataSync(), ...b.dataSync()]
  b.trainable = false
  t.throws(() => optimizer.minimize(loss, false, [a, b]), { code: 'ERR_STATE', message: /is missing/ })
  t.throws(() => optimizer.minimize(loss), { code: 'ERR_STATE', message: /is missing/ })
  t.deepEqual([...a.dataSync(), ...b.dataSync()], before)
  optimizer.dispose()
})

onEachBackend(test, 'frozen layers stay as they are, bit for bit, in every pass', async (t) => {
  for (const each of [
    () => nso(adamw({ learningRate: 0.1 }), noise),
    () => oneSided(sgd()),
    () => nso(lion({ learningRate: 0.01, weightDecay: 1, l2: 0.1 }), noise),
    () => rmsprop({ centered: true, momentum: 0.5, distance: [{ strength: 0.1, from: 'zero' }] }),
    () => sam(adam({ clipNorm: 0.1, weightDecay: 0.1, accumulation: 2 })),
  ]) {
    const optimizer = each()
    const { model, first } = frozen(optimizer)
    const seen: unknown[] = []
    model.compile({
      optimizer,
      loss: (targets, predictions) => {
        seen.push(values(first))
        return tf.losses.meanSquaredError(targets, predictions)
      },
    })
    const [x, y] = data()
    const [before, all] = [values(first), weightsOf(model)]
    await model.fit(x, y, { epochs: 3, batchSize: 4, verbose: 0 })
    for (const one of [...seen, values(first)]) t.deepEqual(one, before)
    t.true(distance(all, weightsOf(model)) > 0.001)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  }
})
