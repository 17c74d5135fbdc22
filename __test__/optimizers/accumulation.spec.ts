import test from 'ava'
import { adamw, type FlatOptimizer, type GradientOptions, minimize, momentum, nso, sam, sgd } from '../../src/index.ts'
import { compiled, estimators, micros, noise, parts, rate } from '../helpers/accumulation.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { stateOf } from '../helpers/state.ts'
import { distance, random, weightsOf } from '../helpers/training.ts'

type Make = (gradient: GradientOptions) => FlatOptimizer

const bases: [string, Make][] = [
  ['adamw', (gradient) => adamw({ ...rate, ...gradient })],
  ['momentum', (gradient) => momentum({ ...rate, ...gradient })],
]
const ways: [string, (model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor) => Promise<void>][] = [
  [
    'trainOnBatch',
    async (model, x, y) => {
      await model.trainOnBatch(x, y)
    },
  ],
  [
    'minimize',
    async (model, x, y) => {
      const optimizer = model.optimizer as unknown as FlatOptimizer
      const loss = () => tf.tidy(() => tf.losses.meanSquaredError(y, model.apply(x) as tf.Tensor) as tf.Scalar)
      const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
      optimizer.minimize(loss, false, variables)
    },
  ],
]

for (const [name, estimator] of estimators) {
  for (const [baseName, base] of bases) {
    for (const [way, step] of ways) {
      onEachBackend(test, `${way}, ${name} on ${baseName}: 4 micro-batches of 16 are one batch of 64`, async (t) => {
        const [some, one] = [estimator(base({ accumulation: micros })), estimator(base({}))]
        const [model, twin] = [compiled(some), compiled(one)]
        for (let update = 0; update < 3; update++) {
          // Every micro-batch of sam has its own way uphill: they are one batch only where they are alike.
          const alike = name === 'sam'
          const [x, y] = [random([alike ? 16 : 64, 4], 10 + update), random([alike ? 16 : 64, 1], 20 + update)]
          const [xs, ys] = alike ? [Array(micros).fill(x), Array(micros).fill(y)] : [parts(x), parts(y)]
          const before = weightsOf(model)
          for (let micro = 0; micro < micros; micro++) {
            t.deepEqual(weightsOf(model), before)
            t.is(some.iterations, update)
            await step(model, xs[micro]!, ys[micro]!)
          }
          await step(twin, x, y)
          t.true(distance(weightsOf(model), weightsOf(twin)) < 2e-5, `${distance(weightsOf(model), weightsOf(twin))}`)
          t.true(distance(before, weightsOf(model)) > 1e-3)
          tf.dispose([x, y, ...xs, ...ys])
        }
        t.deepEqual([some.iterations, one.iterations], [3, 3])
        t.is(some.curvature?.samples, one.curvature?.samples)
        if (one.curvature !== null) {
          t.is(one.curvature.samples, 3)
          t.true(Math.abs(some.curvature!.trace / one.curvature.trace - 1) < 1e-3)
        }
        const w = 4 * 64 * 4
        t.is(some.memory!.bytes - one.memory!.bytes, w)
        for (const each of [some, one, model, twin]) each.dispose()
      })
    }
  }
}

test('every micro-batch of sam has its own way uphill', async (t) => {
  const [eta, rho] = [0.5, 0.25]
  const matrices = [
    [3, 1],
    [0.5, 2],
  ] as const
  let call = 0
  // f = Σ aᵢxᵢ²/2 of one micro-batch, twice in a row.
  const gradient = (x: Float32Array) => {
    const a = matrices[(call++ >> 1) % 2]!
    return x.map((value, i) => a[i]! * value)
  }
  const optimizer = sam(sgd({ learningRate: eta, accumulation: 2 }), { rho })
  const { x } = await minimize(gradient, Float32Array.of(1, -2), optimizer, { steps: 4 })
  let expected = [1, -2]
  for (let update = 0; update < 2; update++) {
    const gradients = matrices.map((a) => {
      const g = expected.map((value, i) => a[i]! * value)
      const length = Math.hypot(...g)
      return expected.map((value, i) => a[i]! * (value + (rho * g[i]!) / length))
    })
    expected = expected.map((value, i) => value - (eta * (gradients[0]![i]! + gradients[1]![i]!)) / 2)
  }
  t.true(distance([x], [expected]) < 1e-6, `${x} for ${expected}`)
  t.is(optimizer.iterations, 2)
  optimizer.dispose()
})

onEachBackend(test, 'schedules count updates, and clipping and penalties see their mean', async (t) => {
  const asked: [string, number][] = []
  const asks = (what: string, value: number) => (step: number) => {
    asked.push([what, step])
    return value
  }
  const gradient = { clipNorm: 0.1, l2: 0.1, distance: 0.05 }
  const base = (accumulation: number) =>
    sgd({ ...gradient, accumulation, learningRate: accumulation > 1 ? asks('rate', 1) : 1 })
  const some = nso(base(micros), { ...noise, sigma: asks('sigma', 0.05) })
  const one = nso(base(1), noise)
  const [model, twin] = [compiled(some), compiled(one)]
  const [x, y] = [random([64, 4], 10), random([64, 1], 20)]
  const [xs, ys] = [parts(x), parts(y)]
  for (let update = 0; update < 3; update++) {
    for (let micro = 0; micro < micros; micro++) await model.trainOnBatch(xs[micro]!, ys[micro]!)
    await twin.trainOnBatch(x, y)
  }
  t.true(distance(weightsOf(model), weightsOf(twin)) < 2e-5)
  for (const what of ['rate', 'sigma']) {
    const steps = asked.filter(([name]) => name === what).map(([, step]) => step)
    t.deepEqual([...new Set(steps)], [0, 1, 2])
    t.deepEqual(steps, steps.toSorted())
  }
  t.is(some.curvature!.samples, 3)
  for (const each of [some, one, model, twin]) each.dispose()
  tf.dispose([x, y, ...xs, ...ys])
})

onEachBackend(test, 'dropout differs between micro-batches and perturbations, and agrees within a pair', async (t) => {
  const masks = async (optimizer: FlatOptimizer, w: tf.Variable, steps: number) => {
    const seen: string[] = []
    const loss = () =>
      tf.tidy(() => {
        const mask = tf.dropout(tf.ones([64]), 0.5)
        seen.push(mask.dataSync().join())
        return tf.sum(tf.mul(tf.square(w), mask)) as tf.Scalar
      })
    for (let step = 0; step < steps; step++) optimizer.minimize(loss, false, [w])
    return seen
  }
  const make = () => nso(sgd({ accumulation: micros }), { ...noise, perturbations: 2 })
  const [optimizer, again] = [make(), make()]
  const [w, v] = tf.tidy(() => [tf.variable(tf.ones([64])), tf.variable(tf.ones([64]))]) as [tf.Variable, tf.Variable]
  const seen = await masks(optimizer, w, 2 * micros)
  t.is(seen.length, 2 * micros * 4)
  const pairs = seen.filter((_, pass) => pass % 2 === 0)
  t.deepEqual(
    pairs,
    seen.filter((_, pass) => pass % 2 === 1),
  )
  // Two updates of four micro-batches of two perturbations: no mask twice.
  t.is(new Set(pairs).size, 2 * micros * 2)
  // And they are those of the seed.
  t.deepEqual(await masks(again, v, 2 * micros), seen)
  for (const one of [optimizer, again]) one.dispose()
})

onEachBackend(test, 'an epoch whose batches are no multiple: the next one completes the update', async (t) => {
  const make = () => nso(momentum({ ...rate, accumulation: 2 }), noise)
  const [fitted, looped] = [make(), make()]
  const [model, twin] = [compiled(fitted), compiled(looped)]
  const [x, y] = [random([40, 4], 10), random([40, 1], 20)]
  const [xs, ys] = [parts(x, 5), parts(y, 5)]
  const counts: number[] = []
  const onEpochEnd = async () => {
    counts.push(fitted.iterations)
  }
  const options = { batchSize: 8, epochs: 3, shuffle: false, verbose: 0, callbacks: { onEpochEnd } } as const
  const { history } = await model.fit(x, y, options)
  let updated: Float32Array[] = []
  for (let step = 0; step < 15; step++) {
    await twin.trainOnBatch(xs[step % 5]!, ys[step % 5]!)
    if (step === 13) updated = weightsOf(twin)
  }
  t.deepEqual(counts, [2, 5, 7])
  t.is(history.loss!.length, 3)
  t.deepEqual(weightsOf(model), weightsOf(twin))
  t.deepEqual(weightsOf(model), updated)
  t.deepEqual(await stateOf(fitted), await stateOf(looped))
  for (const each of [fitted, looped, model, twin]) each.dispose()
  tf.dispose([x, y, ...xs, ...ys])
})

onEachBackend(test, 'gradients from elsewhere are micro-batches too, and leave no half of a sample', (t) => {
  const w = tf.tidy(() => tf.variable(tf.ones([2])))
  const [g, h] = [tf.tensor1d([1, 2]), tf.tensor1d([3, -4])]
  const optimizer = nso(sgd({ learningRate: 0.5, accumulation: 2 }), noise)
  optimizer.applyGradients({ [w.name]: g })
  t.deepEqual([...w.dataSync()], [1, 1])
  optimizer.applyGradients({ [w.name]: h })
  t.deepEqual([...w.dataSync()], [0, 1.5])
  const loss = () => tf.tidy(() => tf.sum(tf.square(w)) as tf.Scalar)
  optimizer.minimize(loss, false, [w])
  optimizer.applyGradients({ [w.name]: g })
  optimizer.applyGradients({ [w.name]: g })
  optimizer.minimize(loss, false, [w])
  t.is(optimizer.iterations, 3)
  t.is(optimizer.curvature, null)
  for (let i = 0; i < 2; i++) optimizer.minimize(loss, false, [w])
  t.is(optimizer.curvature!.samples, 1)
  t.true(Math.abs(optimizer.curvature!.trace) > 0.1)
  optimizer.dispose()
  tf.dispose([g, h])
})
