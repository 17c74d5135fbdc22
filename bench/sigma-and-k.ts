// How the size of the noise and the number of perturbations tell, at equal gradient evaluations: an MLP on digits of
// which 40 % have redrawn labels, trained by nso(adam) on wasm. No times are taken, so any machine will do. Ten minutes.
//
//   node --import=@oxc-node/core/register bench/sigma-and-k.ts [--quick] [--save]
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { type Images, oneHot, prepare, type Task, take } from '../src/cli/data.ts'
import { loadDigits } from '../src/cli/digits.ts'
import { permutation, random } from '../src/cli/random.ts'
import { score } from '../src/cli/score.ts'
import { adam, cosine, type FlatOptimizer, nso, smoothedTrace } from '../src/index.ts'
import { packageRoot } from '../src/native/index.ts'
import { commit, versions } from './harness/machine.ts'

/** What one setting came to, over the seeds. */
interface Row {
  /** 0: Adam without noise. */
  readonly sigma: number
  readonly perturbations: number
  readonly seed: number
  readonly testAccuracy: number
  readonly trainLoss: number
  /** Of the loss smoothed at `traceSigma`, the same for all rows. */
  readonly trace: number
}

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, save: { type: 'boolean' } } })
const settings = {
  images: values.quick ? 64 : 300,
  testImages: 2000,
  labelNoise: 0.4,
  batchSize: 50,
  learningRate: 1e-3,
  gradientEvaluations: values.quick ? 16 : 1600,
  layers: [784, 64, 64, 10],
  traceSigma: 0.08,
  tracePairs: 20,
}
const seeds = values.quick ? [0] : [0, 1, 2]
const sigmas = values.quick ? [0, 0.05] : [0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2]
const counts = [1, 2, 4]

const require = createRequire(import.meta.url)
setWasmPaths(`${join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist')}/`)
await tf.setBackend('wasm')

const source = commit()
const digits = await loadDigits()
const rows: Row[] = []
for (const seed of seeds) {
  const task = prepare({ train: digits }, { ...settings, seed })
  for (const sigma of sigmas) {
    for (const perturbations of sigma === 0 ? [1] : counts) {
      const row = { sigma, perturbations, seed, ...train(task, seed, sigma, perturbations) }
      rows.push(row)
      console.log(JSON.stringify(row))
    }
  }
}
const date = new Date().toISOString().slice(0, 10)
const result = { kind: 'sigma-and-k', ...source, date, versions: versions({}), settings, seeds, rows }
const file = join(packageRoot(), 'bench', 'results', 'sigma-and-k.json')
if (values.save) writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)

/** Trains one net and measures it; what tensors it makes are gone afterwards. */
function train(
  task: Task,
  seed: number,
  sigma: number,
  perturbations: number,
): Omit<Row, 'sigma' | 'perturbations' | 'seed'> {
  const passes = sigma === 0 ? 1 : 2 * perturbations
  const steps = Math.floor(settings.gradientEvaluations / passes)
  const base = adam({ learningRate: cosine({ initial: settings.learningRate, steps }) })
  const optimizer: FlatOptimizer = sigma === 0 ? base : nso(base, { sigma, perturbations, seed })
  const variables = settings.layers.slice(1).flatMap((units, layer) => {
    const inputs = settings.layers[layer]!
    const limit = Math.sqrt(6 / (inputs + units))
    const kernel = tf.randomUniform([inputs, units], -limit, limit, 'float32', 1 + 10 * seed + layer)
    return [tf.variable(kernel), tf.variable(tf.zeros([units]))]
  })
  const logits = (x: tf.Tensor): tf.Tensor => {
    let values = x
    for (let i = 0; i < variables.length; i += 2) {
      const sum = tf.add(tf.matMul(values as tf.Tensor2D, variables[i] as tf.Tensor2D), variables[i + 1]!)
      values = i < variables.length - 2 ? tf.relu(sum) : sum
    }
    return values
  }
  const lossOn = (images: Images) => {
    const x = tf.tensor2d(images.pixels, [images.labels.length, 784])
    const y = tf.tensor2d(oneHot(images.labels), [images.labels.length, 10])
    return { x, loss: () => tf.losses.softmaxCrossEntropy(y, logits(x)) as tf.Scalar, free: () => tf.dispose([x, y]) }
  }
  try {
    let step = 0
    for (let epoch = 0; step < steps; epoch++) {
      const order = permutation(settings.images, random(seed, 'shuffle', epoch))
      for (let at = 0; at < order.length && step < steps; at += settings.batchSize, step++) {
        const { loss, free } = lossOn(take(task.train, order.subarray(at, at + settings.batchSize)))
        optimizer.minimize(loss, false, variables)
        free()
      }
    }
    const all = lossOn(task.train)
    const test = lossOn(task.test)
    const { traceSigma, tracePairs } = settings
    const measured = {
      testAccuracy: score(
        tf.tidy(() => tf.softmax(logits(test.x)).dataSync() as Float32Array),
        task.test.labels,
      ).accuracy,
      trainLoss: tf.tidy(() => all.loss().dataSync()[0]!),
      trace: smoothedTrace(all.loss, { variables, sigma: traceSigma, pairs: tracePairs, seed: 1 }).trace,
    }
    all.free()
    test.free()
    return measured
  } finally {
    optimizer.dispose()
    tf.dispose(variables)
  }
}
