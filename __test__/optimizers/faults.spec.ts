import test from 'ava'
import {
  adam,
  type FlatOptimizer,
  lion,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  SaltflatError,
  sam,
} from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'

/** Every estimator, with the passes of a step. */
const makes: [string, () => FlatOptimizer][] = [
  ['adam', () => adam({ learningRate: 0.1 })],
  ['nso k = 1', () => nso(adam({ learningRate: 0.1 }), { sigma: 0.1, seed: 1 })],
  ['nso k = 2, mixing', () => nso(adam({ learningRate: 0.1 }), { sigma: 0.1, perturbations: 2, mixing: 0.1, seed: 1 })],
  ['nso on tf.train.adam', () => nso(tf.train.adam(0.1), { sigma: 0.1, seed: 1 })],
  ['one-sided k = 3', () => oneSided(adam({ learningRate: 0.1 }), { sigma: 0.1, perturbations: 3, seed: 1 })],
  ['nesterov, clipped and held', () => nesterov({ learningRate: 0.1, clipNorm: 0.5, distance: 0.1, l2: 0.1 })],
  [
    'nso on rmsprop, all moments',
    () => nso(rmsprop({ learningRate: 0.1, centered: true, momentum: 0.5 }), { sigma: 0.1, seed: 1 }),
  ],
  ['nso on lion', () => nso(lion({ learningRate: 0.1, weightDecay: 0.1 }), { sigma: 0.1, seed: 1 })],
  ['one-sided on amsgrad', () => oneSided(adam({ learningRate: 0.1, amsgrad: true }), { sigma: 0.1, seed: 1 })],
  ['sam', () => sam(adam({ learningRate: 0.1 }), { rho: 0.1 })],
]

/** What can go wrong in a pass, and the code that says so. */
const faults: [string, string, (loss: tf.Scalar) => unknown][] = [
  [
    'throws',
    'ERR_LOSS',
    () => {
      throw new TypeError('mine')
    },
  ],
  ['is NaN', 'ERR_NOT_FINITE', (loss) => tf.mul(loss, Number.NaN)],
  ['is Infinity', 'ERR_NOT_FINITE', (loss) => tf.add(loss, Number.POSITIVE_INFINITY)],
  ['is a vector', 'ERR_LOSS', (loss) => tf.stack([loss, loss])],
  // biome-ignore lint/suspicious/noThenProperty: what is tested
  ['is a Promise', 'ERR_LOSS', () => ({ then() {} })],
  ['is a string', 'ERR_LOSS', () => 'loss'],
  ['is nothing', 'ERR_LOSS', () => undefined],
  ['is an integer', 'ERR_LOSS', (loss) => tf.cast(loss, 'int32')],
  ['depends on nothing', 'ERR_NO_GRADIENT', () => tf.scalar(1)],
  [
    'has a gradient of NaN',
    'ERR_NOT_FINITE',
    (loss) =>
      tf.customGrad((x) => ({
        value: (x as tf.Tensor).clone(),
        gradFunc: (dy) => tf.mul(dy as tf.Tensor, Number.NaN),
      }))(loss),
  ],
]

for (const [name, make] of makes) {
  for (const [fault, code, spoil] of faults) {
    onEachBackend(test, `${name}: a loss that ${fault}, at each pass, changes nothing`, async (t) => {
      const [a, b] = tf.tidy(() => [
        tf.variable(tf.randomNormal([4, 3], 0, 1, 'float32', 1)),
        tf.variable(tf.randomNormal([3], 0, 1, 'float32', 2)),
      ]) as unknown as [tf.Variable, tf.Variable]
      const optimizer = make()
      const good = () => tf.tidy(() => tf.mean(tf.square(tf.add(tf.tanh(a), b))) as tf.Scalar)
      for (let step = 0; step < 3; step++) optimizer.minimize(good, false, [a, b])
      const state = async () => {
        const weights = await optimizer.getWeights()
        const values = weights.map(({ tensor }) => [...tensor.dataSync()])
        return [bits(a), bits(b), optimizer.iterations, optimizer.curvature, values]
      }
      const before = await state()
      const random = Math.random
      for (let bad = 0; bad < optimizer.passesPerStep; bad++) {
        const tensors = tf.memory().numTensors
        let pass = 0
        const error = t.throws(() =>
          optimizer.minimize(
            () => (pass++ === bad ? (tf.tidy(() => spoil(good()) as tf.Scalar) as tf.Scalar) : good()),
            false,
            [a, b],
          ),
        )
        t.true(error instanceof SaltflatError, String(error))
        t.is((error as SaltflatError).code, code as never, error!.message)
        if (code === 'ERR_NOT_FINITE') t.regex(error!.message, new RegExp(`pass ${pass} of step 3\\.`))
        t.is(pass, bad + 1)
        t.is(tf.memory().numTensors, tensors, `tensors after pass ${bad}`)
        t.is(Math.random, random)
        t.deepEqual(await state(), before)
      }
      // And it goes on.
      optimizer.minimize(good, false, [a, b])
      t.is(optimizer.iterations, 4)
      t.notDeepEqual(bits(a), before[0])
      optimizer.dispose()
    })
  }
}

onEachBackend(test, "a model's metrics, BatchNorm and weights are as before a failing pass", async (t) => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 4, inputShape: [3] }),
      tf.layers.batchNormalization(),
      tf.layers.dense({ units: 1 }),
    ],
  })
  let pass = 0
  let bad = -1
  const loss = (y: tf.Tensor, p: tf.Tensor) => {
    const value = tf.losses.meanSquaredError(y, p)
    return pass++ === bad ? tf.mul(value, Number.NaN) : value
  }
  const optimizer = nso(adam(), { sigma: 0.05, seed: 1 })
  model.compile({ optimizer, loss, metrics: ['mae', 'mse'] })
  const [x, y] = [tf.randomNormal([8, 3], 0, 1, 'float32', 1), tf.randomNormal([8, 1], 0, 1, 'float32', 2)]
  await model.trainOnBatch(x, y)
  const before = model.getWeights().map(bits)
  for (bad = 0; bad < 2; bad++) {
    pass = 0
    const tensors = tf.memory().numTensors
    const error = await t.throwsAsync(model.trainOnBatch(x, y))
    t.is((error as SaltflatError).code, 'ERR_NOT_FINITE', error?.stack)
    t.deepEqual(model.getWeights().map(bits), before)
    t.is(tf.memory().numTensors, tensors)
  }
  bad = -1
  const after = (await model.trainOnBatch(x, y)) as number[]
  t.is(after.length, 3)
  t.true(after.every(Number.isFinite))
  model.dispose()
  optimizer.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'gradients that cannot be given back do not hide what failed, nor keep the weights away', (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2, 3])))
  const optimizer = nso(adam(), { sigma: 0.1, seed: 1 })
  const stuck: tf.Tensor[] = []
  const held = (factor: number) =>
    tf.customGrad((x) => ({
      value: tf.sum(x as tf.Tensor),
      gradFunc: () => {
        const gradient = tf.fill([3], factor)
        gradient.dispose = () => {
          throw new Error('stuck')
        }
        stuck.push(gradient)
        return gradient
      },
    }))
  const release = () => {
    for (const one of stuck.splice(0)) tf.Tensor.prototype.dispose.call(one)
  }
  const good = () => held(1)(w) as tf.Scalar
  optimizer.minimize(good, false, [w])
  t.is(stuck.length, 2)
  release()
  const before = bits(w)
  let pass = 0
  const failing = () => held(pass++ === 0 ? 1 : Number.NaN)(w) as tf.Scalar
  t.throws(() => optimizer.minimize(failing, false, [w]), { code: 'ERR_NOT_FINITE' })
  t.is(pass, 2)
  t.deepEqual(bits(w), before)
  release()
  optimizer.dispose()
})
