import test from 'ava'
import { type FlatOptimizer, nso, oneSided, sgd } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

// A loss whose gradient is normal with a known variance: f(w) = mean over examples of x·w, plus λ|w|². With x ~ N(0, I) a
// pass on b examples at W + σU gives mean x + 2λ(W + σU): its variance is 1/b + (2λσ)² in each element, or 1/b where the
// other half of a pair cancels the noise. All elements are independent, so one step is a sample of `size` gradients.
const size = 4096
const part = 4
const lambda = 0.5
const sigma = 0.8

/** The quantile of χ² by Wilson and Hilferty (1931), for z of the normal distribution; its error is below 0.1 % here. */
const chiSquare = (degrees: number, z: number) =>
  degrees * (1 - 2 / (9 * degrees) + z * Math.sqrt(2 / (9 * degrees))) ** 3

/** Of the normal distribution: beyond ±z lies one in a million. */
const z = 4.89

/** Variance of the elements of one step's gradient about its expectation, which is 0 at W = 0. */
async function variance(optimizer: FlatOptimizer, examples: number, seed: number): Promise<number> {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({
        units: 1,
        useBias: false,
        inputShape: [size],
        kernelInitializer: 'zeros',
        kernelRegularizer: tf.regularizers.l2({ l2: lambda }),
      }),
    ],
  })
  model.compile({ optimizer, loss: (_, p) => tf.mean(p) })
  const x = tf.tensor(loadBinding().sample(seed, 'gaussian', 4, 0, 0, 0, size * examples), [examples, size])
  const y = tf.zeros([examples, 1])
  await model.trainOnBatch(x, y)
  // sgd with a rate of 1 from 0: W = −g.
  const gradient = model.getWeights()[0]!.dataSync()
  let sum = 0
  for (const value of gradient) sum += value * value
  for (const one of [optimizer, model]) one.dispose()
  tf.dispose([x, y])
  return sum / size
}

const estimators: [string, typeof nso, number][] = [
  ['one-sided', oneSided, 1 / part + (2 * lambda * sigma) ** 2],
  ['nso', nso, 1 / part],
]

for (const [name, estimator, single] of estimators) {
  onEachBackend(test, `${name}: with data 'split' the gradient's variance falls as 1/k`, async (t) => {
    for (const k of [1, 2, 4, 8]) {
      const optimizer = estimator(sgd({ learningRate: 1 }), { sigma, perturbations: k, data: 'split', seed: 5 })
      const found = (await variance(optimizer, part * k, 17 + k)) / (single / k)
      const [low, high] = [-z, z].map((one) => chiSquare(size, one) / size)
      t.true(found > low! && found < high!, `k = ${k}: ${found} of what is expected, outside ${low} … ${high}`)
    }
  })
}

onEachBackend(test, "one-sided: with data 'shared' only the noise's part of the variance falls", async (t) => {
  const noise = (2 * lambda * sigma) ** 2
  for (const k of [2, 8]) {
    const optimizer = oneSided(sgd({ learningRate: 1 }), { sigma, perturbations: k, seed: 5 })
    const found = (await variance(optimizer, part, 17)) / (1 / part + noise / k)
    const [low, high] = [-z, z].map((one) => chiSquare(size, one) / size)
    t.true(found > low! && found < high!, `k = ${k}: ${found} of what is expected, outside ${low} … ${high}`)
  }
})
