import test from 'ava'
import { adamw, type FlatOptimizer, lion, nesterov, nso, oneSided, rmsprop, sam, sgd } from '../../src/index.ts'
import { compiled, estimators, micros, noise, parts, rate } from '../helpers/accumulation.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { copyOf, disposeAll, stateOf } from '../helpers/state.ts'
import { random, setWeights, weightsOf } from '../helpers/training.ts'

// Updates that are cut in the middle: by a save, or by a loss that fails.

const resumed: [string, () => FlatOptimizer][] = [
  ['nso on adamw', () => nso(adamw({ ...rate, accumulation: micros }), { ...noise, perturbations: 2 })],
  ['nso on amsgrad', () => nso(adamw({ ...rate, accumulation: micros, amsgrad: true }), noise)],
  ['one-sided on nesterov', () => oneSided(nesterov({ ...rate, accumulation: micros, distance: 0.1 }), noise)],
  [
    'sam on rmsprop, all moments',
    () => sam(rmsprop({ ...rate, accumulation: micros, centered: true, momentum: 0.5 }), { seed: 9 }),
  ],
  ['lion', () => lion({ ...rate, accumulation: micros, seed: 9 })],
]

for (const [name, make] of resumed) {
  onEachBackend(test, `${name}: saved within an update, it goes on bit for bit`, async (t) => {
    const [x, y] = [random([64, 4], 10), random([64, 1], 20)]
    const [xs, ys] = [parts(x, 8), parts(y, 8)]
    const run = async (model: tf.LayersModel, from: number, to: number) => {
      for (let i = from; i < to; i++) await model.trainOnBatch(xs[i % 8]!, ys[i % 8]!)
    }
    for (const saved of [micros, micros + 1, 2 * micros + 3]) {
      const [whole, first, second] = [make(), make(), make()]
      const [a, b, c] = [whole, first, second].map((optimizer) => compiled(optimizer, 0.3))
      await run(a!, 0, 13)
      await run(b!, 0, saved)
      setWeights(c!, weightsOf(b!))
      const state = await copyOf(first)
      first.dispose()
      await second.setWeights(state)
      t.deepEqual(
        await stateOf(second),
        state.map(({ tensor }) => bits(tensor)),
      )
      t.is(second.iterations, Math.floor(saved / micros))
      await run(c!, saved, 13)
      t.deepEqual(weightsOf(c!), weightsOf(a!))
      t.deepEqual(await stateOf(second), await stateOf(whole))
      disposeAll(state)
      for (const each of [whole, second, a!, b!, c!]) each.dispose()
    }
    tf.dispose([x, y, ...xs, ...ys])
  })
}

onEachBackend(test, 'a state in the middle of a longer update is refused, of a shorter one taken', async (t) => {
  const w = tf.tidy(() => tf.variable(random([5], 1)))
  const loss = () => tf.tidy(() => tf.sum(tf.cosh(w)) as tf.Scalar)
  const make = (accumulation: number) => sgd({ ...rate, accumulation, seed: 1 })
  const [four, two, eight] = [make(4), make(2), make(8)]
  for (let i = 0; i < 7; i++) four.minimize(loss, false, [w])
  const state = await copyOf(four)
  two.minimize(loss, false, [w])
  const before = [bits(w), await stateOf(two)]
  await t.throwsAsync(two.setWeights(state), { code: 'ERR_STATE', message: /fewer than 2 micro-batches/ })
  t.deepEqual([bits(w), await stateOf(two)], before)
  await eight.setWeights(state)
  const held = bits(w)
  for (let i = 0; i < 4; i++) eight.minimize(loss, false, [w])
  t.deepEqual(bits(w), held)
  eight.minimize(loss, false, [w])
  t.notDeepEqual(bits(w), held)
  t.is(eight.iterations, 2)
  disposeAll(state)
  for (const optimizer of [four, two, eight]) optimizer.dispose()
})

for (const [name, estimator] of estimators) {
  onEachBackend(test, `${name}: a loss that fails in the third micro-batch changes nothing`, async (t) => {
    const make = () => estimator(adamw({ ...rate, accumulation: micros, seed: 9 }))
    const [spoilt, smooth] = [make(), make()]
    const variables = () =>
      tf.tidy(() => [random([4, 3], 1), random([3], 2)].map((one) => tf.variable(one))) as [tf.Variable, tf.Variable]
    const [ours, theirs] = [variables(), variables()]
    let micro = 0
    const lossOf = ([a, b]: [tf.Variable, tf.Variable]) =>
      tf.tidy(() => tf.mean(tf.square(tf.add(tf.dropout(tf.tanh(tf.mul(a, micro + 1)), 0.2), b))) as tf.Scalar)
    const ways: ((loss: tf.Scalar) => tf.Scalar)[] = [
      () => {
        throw new TypeError('mine')
      },
      (loss) => tf.mul(loss, Number.NaN),
    ]
    for (micro = 0; micro < 2 * micros; micro++) {
      if (micro % micros === 2) {
        const before = [...ours.map(bits), spoilt.iterations, spoilt.curvature, await stateOf(spoilt)]
        for (const way of ways) {
          for (let bad = 0; bad < spoilt.passesPerStep; bad++) {
            let pass = 0
            const loss = () => (pass++ === bad ? tf.tidy(() => way(lossOf(ours))) : lossOf(ours))
            const error = t.throws(() => spoilt.minimize(loss, false, ours))
            t.regex((error as { code?: string }).code!, /^ERR_(LOSS|NOT_FINITE)$/)
            t.deepEqual([...ours.map(bits), spoilt.iterations, spoilt.curvature, await stateOf(spoilt)], before)
          }
        }
      }
      spoilt.minimize(() => lossOf(ours), false, ours)
      smooth.minimize(() => lossOf(theirs), false, theirs)
    }
    t.deepEqual(ours.map(bits), theirs.map(bits))
    t.deepEqual(await stateOf(spoilt), await stateOf(smooth))
    t.is(spoilt.iterations, 2)
    for (const optimizer of [spoilt, smooth]) optimizer.dispose()
  })
}

onEachBackend(test, 'a weight that only a failed micro-batch reached stays as it is', (t) => {
  const [a, b] = tf.tidy(() => [random([3], 1), random([3], 2)].map((one) => tf.variable(one))) as [
    tf.Variable,
    tf.Variable,
  ]
  const optimizer = sgd({ ...rate, accumulation: 2, weightDecay: 0.5 })
  const alone = () => tf.tidy(() => tf.sum(tf.square(a)) as tf.Scalar)
  const bad = () => tf.tidy(() => tf.sum(tf.mul(tf.mul(a, b), Number.NaN)) as tf.Scalar)
  const before = bits(b)
  optimizer.minimize(alone, false, [a, b])
  t.throws(() => optimizer.minimize(bad, false, [a, b]), { code: 'ERR_NOT_FINITE' })
  optimizer.minimize(alone, false, [a, b])
  t.deepEqual(bits(b), before)
  t.is(optimizer.iterations, 1)
  optimizer.dispose()
})

onEachBackend(test, 'a save in mid-update keeps which weights the micro-batches so far have reached', async (t) => {
  const make = () => adamw({ learningRate: 0.1, weightDecay: 0.1, accumulation: 2, clipNorm: 0.5, seed: 1 })
  const begin = () => [1, 2, 3].map((value) => tf.tidy(() => tf.variable(tf.scalar(value))))
  // The first micro-batch reaches all but the last weight, the second one only the first.
  const first =
    ([a, b]: tf.Variable[]) =>
    () =>
      tf.tidy(() => tf.add(tf.square(a!), tf.square(b!)) as tf.Scalar)
  const second =
    ([a]: tf.Variable[]) =>
    () =>
      tf.tidy(() => tf.square(a!) as tf.Scalar)
  const whole = begin()
  const alone = make()
  alone.minimize(first(whole), false, whole)
  alone.minimize(second(whole), false, whole)
  const cut = begin()
  const before = make()
  before.minimize(first(cut), false, cut)
  const after = make()
  await after.setWeights(await before.getWeights())
  after.minimize(second(cut), false, cut)
  const values = (variables: tf.Variable[]) => variables.map((variable) => variable.dataSync()[0])
  t.deepEqual(values(cut), values(whole))
  t.not(values(whole)[1], 2)
  t.is(values(whole)[2], 3)
  for (const one of [alone, before, after]) one.dispose()
  tf.dispose([...whole, ...cut])
})
