import test from 'ava'
import { AdamW } from '../../bench/pure-tfjs/adamw.ts'
import { type Noise, Nso } from '../../bench/pure-tfjs/nso.ts'
import { Sam } from '../../bench/pure-tfjs/sam.ts'
import { adamw, nso, sam } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { distance, random, setWeights, start, weightsOf } from '../helpers/training.ts'

// The same optimizers written with tfjs operations alone are the oracle: with the same noise they must train the same
// weights. What differs is rounding: fused multiply-adds here, one rounding an operation there.

const seed = 21
const steps = 20
const update = { learningRate: 0.01, weightDecay: 0.1 }

/** The very noise that saltflat draws. */
const noise: Noise = (shape, { step, perturbation, tensor }) =>
  tf.tensor(loadBinding().sample(seed, 'gaussian', 0, step, perturbation, tensor, tf.util.sizeFromShape(shape)), shape)

const twins: [string, () => [ours: tf.Optimizer, pure: tf.Optimizer]][] = [
  ['adamw', () => [adamw(update), new AdamW(update)]],
  ['sam', () => [sam(adamw(update), { rho: 0.1 }), new Sam(new AdamW(update), { rho: 0.1 })]],
  ...[1, 2].map((perturbations): (typeof twins)[number] => [
    `nso, k = ${perturbations}`,
    () => {
      const options = { sigma: 0.05, perturbations }
      return [nso(adamw(update), { ...options, seed }), new Nso(new AdamW(update), { ...options, noise })]
    },
  ]),
]

function net(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 32, activation: 'tanh', inputShape: [6], kernelInitializer: start(1) }),
      tf.layers.dense({ units: 7, activation: 'tanh', kernelInitializer: start(2) }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: start(3) }),
    ],
  })
}

for (const [name, make] of twins) {
  onEachBackend(test, `${name}: ${steps} steps end where those of pure tfjs end`, async (t) => {
    const x = random([16, 6], 4)
    const y = tf.tidy(() =>
      tf
        .oneHot(
          [...Array(16).keys()].map((i) => i % 3),
          3,
        )
        .toFloat(),
    )
    const optimizers = make()
    const models = optimizers.map((optimizer) => {
      const model = net()
      model.compile({ optimizer, loss: 'categoricalCrossentropy' })
      return model
    })
    const before = weightsOf(models[0]!)
    setWeights(models[1]!, before)
    for (let step = 0; step < steps; step++) {
      const [ours, pure] = [await models[0]!.trainOnBatch(x, y), await models[1]!.trainOnBatch(x, y)]
      t.true(Math.abs((ours as number) - (pure as number)) < 1e-5, `step ${step}: ${ours} and ${pure}`)
    }
    const apart = distance(weightsOf(models[0]!), weightsOf(models[1]!))
    const moved = distance(weightsOf(models[0]!), before)
    t.true(moved > 0.1, `moved by ${moved}`)
    t.true(apart < 1e-4 * moved, `${apart} apart after moving by ${moved}`)
    for (const one of [...models, ...optimizers]) one.dispose()
    tf.dispose([x, y])
  })
}

onEachBackend(test, 'the twins leave no tensors behind, and the weights where they were if the loss throws', (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2, 3])))
  const square = () => tf.sum(tf.square(w)) as tf.Scalar
  for (const optimizer of [new AdamW(), new Nso(new AdamW(), { perturbations: 2 }), new Sam(new AdamW())]) {
    optimizer.minimize(square, false, [w])
    const { numTensors } = tf.memory()
    const before = [...w.dataSync()]
    optimizer.minimize(square, true, [w])!.dispose()
    t.is(tf.memory().numTensors, numTensors)
    t.notDeepEqual([...w.dataSync()], before)
    const after = [...w.dataSync()]
    let calls = 0
    const failing = () => {
      if (calls++ === 1) throw new Error('second pass')
      return square()
    }
    if (!(optimizer instanceof AdamW))
      t.throws(() => optimizer.minimize(failing, false, [w]), { message: 'second pass' })
    t.deepEqual([...w.dataSync()], after)
    optimizer.dispose()
  }
  w.dispose()
})
