import test from 'ava'
import {
  adam,
  adamw,
  type FlatOptimizer,
  lion,
  minimize,
  momentum,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  sam,
  sgd,
} from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

/** Every base optimizer, and how many moments of the weights it keeps. */
const bases: [string, () => FlatOptimizer, number][] = [
  ['sgd', () => sgd(), 0],
  ['momentum', () => momentum(), 1],
  ['nesterov', () => nesterov(), 1],
  ['adam', () => adam(), 2],
  ['adamw', () => adamw(), 2],
  ['adam, amsgrad', () => adam({ amsgrad: true }), 3],
  ['rmsprop', () => rmsprop(), 1],
  ['rmsprop, centered', () => rmsprop({ centered: true }), 2],
  ['rmsprop, momentum', () => rmsprop({ momentum: 0.9 }), 2],
  ['rmsprop, centered, momentum', () => rmsprop({ centered: true, momentum: 0.9 }), 3],
  ['lion', () => lion(), 1],
]

const noise = { seed: 1, sigma: 0.1 }

/** Every estimator, and the vectors it keeps besides W and the moments: G, and P where a pair and a total are apart. */
const estimators: [string, (base: FlatOptimizer) => FlatOptimizer, number][] = [
  ['plain', (base) => base, 0],
  ['sam', (base) => sam(base), 0],
  ['nso, k = 1', (base) => nso(base, noise), 1],
  ['nso, k = 1, mixing', (base) => nso(base, { ...noise, mixing: 0.1 }), 2],
  ['nso, k = 2', (base) => nso(base, { ...noise, perturbations: 2 }), 2],
  ['nso, k = 3', (base) => nso(base, { ...noise, perturbations: 3 }), 2],
  ['nso, k = 16', (base) => nso(base, { ...noise, perturbations: 16 }), 2],
  ['one-sided, k = 1', (base) => oneSided(base, noise), 0],
  ['one-sided, k = 2', (base) => oneSided(base, { ...noise, perturbations: 2 }), 1],
  ['one-sided, k = 16', (base) => oneSided(base, { ...noise, perturbations: 16 }), 1],
]

/** A vector of the weights below: 64 floats to a tile, tensors start tiles. */
const vector = 4 * (128 + 64)

function trained() {
  const [a, b] = tf.tidy(() => [tf.variable(tf.ones([10, 10])), tf.variable(tf.ones([10]))]) as unknown as tf.Variable[]
  const loss = () => tf.tidy(() => tf.mean(tf.square(tf.add(a!, b!))) as tf.Scalar)
  return { variables: [a!, b!], loss }
}

for (const [base, make, moments] of bases) {
  onEachBackend(test, `${base}: with every estimator and any k, the vectors that are needed and no more`, (t) => {
    for (const [name, around, sums] of estimators) {
      const { variables, loss } = trained()
      const optimizer = around(make())
      optimizer.minimize(loss, false, variables)
      t.is(optimizer.memory!.bytes, (1 + moments + sums) * vector, name)
      optimizer.dispose()
      t.is(optimizer.memory, null)
      for (const one of variables) one.dispose()
    }
  })
}

onEachBackend(test, 'accumulation, a distance and a wrapped base own one vector more each', (t) => {
  const owned = [
    nso(sgd({ accumulation: 2 }), noise),
    nso(sgd({ distance: 0.1 }), noise),
    nso(sgd({ accumulation: 2, distance: 0.1 }), noise),
    oneSided(tf.train.sgd(0.1), noise),
  ].map((optimizer) => {
    const { variables, loss } = trained()
    optimizer.minimize(loss, false, variables)
    const { bytes } = optimizer.memory!
    optimizer.dispose()
    for (const one of variables) one.dispose()
    return bytes / vector
  })
  t.deepEqual(owned, [3, 3, 4, 2])
})

onEachBackend(test, 'dispose twice is harmless, and what would use it afterwards is refused', async (t) => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [10] })] })
  const optimizer = nso(adam(), noise)
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const [x, y] = [tf.ones([2, 10]), tf.ones([2, 1])]
  await model.trainOnBatch(x, y)
  const state = (await optimizer.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))
  const { numTensors } = tf.memory()
  optimizer.dispose()
  const { numTensors: without } = tf.memory()
  t.is(numTensors - without, state.length)
  optimizer.dispose()
  t.is(tf.memory().numTensors, without)
  t.true(optimizer.disposed)
  const { variables, loss } = trained()
  const disposed = { code: 'ERR_DISPOSED', message: /Make a new one/ }
  t.throws(() => optimizer.minimize(loss, false, variables), disposed)
  t.throws(() => optimizer.applyGradients([]), disposed)
  await t.throwsAsync(model.trainOnBatch(x, y), disposed)
  await t.throwsAsync(optimizer.getWeights(), disposed)
  await t.throwsAsync(optimizer.setWeights(state), disposed)
  await t.throwsAsync(
    minimize((x) => x, Float32Array.of(1), optimizer, { steps: 1 }),
    disposed,
  )
  t.deepEqual([optimizer.memory, optimizer.iterations], [null, 1])
  tf.dispose([x, y, ...state.map(({ tensor }) => tensor)])
  model.dispose()
})
