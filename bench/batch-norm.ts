import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { initializers, layers, type Sequential, sequential } from '@tensorflow/tfjs-layers'
import { chooseBackend, loadBackend } from '../src/cli/backend.ts'
import { type Images, oneHot, prepare, type Task, take } from '../src/cli/data.ts'
import { loadDigits } from '../src/cli/digits.ts'
import { permutation, random } from '../src/cli/random.ts'
import { score } from '../src/cli/score.ts'
import { adam, type BatchNormMode, cosine, nso, reestimateBatchNorm } from '../src/index.ts'
import { packageRoot } from '../src/native/index.ts'
import { commit, machine, versions } from './harness/machine.ts'

// Which of the three modes of `batchNorm` leaves moving statistics that serve at evaluation: the net of the main job with
// BatchNorm, trained by NSO on its noisy digits, then tested with the moving statistics. The modes train the same
// weights, bit for bit (batch statistics normalise while training), so they differ in nothing but the statistics.

const { values } = parseArgs({
  options: {
    save: { type: 'boolean', default: false },
    seed: { type: 'string', default: '0' },
    sigmas: { type: 'string', default: '0.04,0.08,0.16' },
    steps: { type: 'string', default: '300' },
  },
})
const seed = Number(values.seed)
const sigmas = values.sigmas.split(',').map(Number)
const steps = Number(values.steps)
const settings = { images: 500, testImages: 4000, labelNoise: 0.4, batchSize: 64, learningRate: 1e-3 }

/** Of the moving statistics: tfjs's own 0.99 would still remember their start after so few steps. */
const momentum = 0.97

/** What the net does with one mode's statistics. */
interface Row {
  readonly sigma: number
  readonly mode: BatchNormMode
  /** Of clean test images, in %. */
  readonly accuracy: number
  readonly testLoss: number
}

/** The main job's net with BatchNorm ahead of each relu, and behind the pooling, where it costs a quarter. */
function normalised(seed: number): Sequential {
  let drawn = 0
  const kernelInitializer = () => initializers.glorotUniform({ seed: 1 + 4 * seed + drawn++ })
  const convolution = (filters: number) =>
    layers.conv2d({ filters, kernelSize: 3, padding: 'same', kernelInitializer: kernelInitializer() })
  const relu = () => layers.activation({ activation: 'relu' })
  return sequential({
    layers: [
      layers.inputLayer({ inputShape: [28, 28, 1] }),
      ...[8, 16].flatMap((filters) => [
        convolution(filters),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.batchNormalization({ momentum }),
        relu(),
      ]),
      layers.flatten(),
      layers.dense({ units: 64, kernelInitializer: kernelInitializer() }),
      layers.batchNormalization({ momentum }),
      relu(),
      layers.dense({ units: 10, activation: 'softmax', kernelInitializer: kernelInitializer() }),
    ],
  })
}

/** Trains with one mode; `measure` sees the net before it is given back. */
async function trained(task: Task, sigma: number, batchNorm: BatchNormMode, measure: Measure) {
  const model = normalised(seed)
  const base = adam({ learningRate: cosine({ initial: settings.learningRate, steps }) })
  const optimizer = nso(base, { sigma, seed, batchNorm })
  model.compile({ optimizer, loss: 'categoricalCrossentropy' })
  const callbacks = {
    onBatchEnd: async () => {
      if (optimizer.iterations === steps) model.stopTraining = true
    },
  }
  for (let epoch = 0; optimizer.iterations < steps; epoch++) {
    const images = take(task.train, permutation(settings.images, random(seed, 'shuffle', epoch)))
    const [x, y] = tensors(images)
    await model.fit(x, y, { batchSize: settings.batchSize, epochs: 1, shuffle: false, verbose: 0, callbacks })
    tf.dispose([x, y])
  }
  measure(model)
  optimizer.dispose()
  model.dispose()
}
type Measure = (model: Sequential) => void

function tensors({ pixels, labels }: Images): [tf.Tensor, tf.Tensor] {
  return [tf.tensor4d(pixels, [labels.length, 28, 28, 1]), tf.tensor2d(oneHot(labels), [labels.length, 10])]
}

function tested(model: Sequential, { test }: Task): { accuracy: number; testLoss: number } {
  const [x, y] = tensors(test)
  const answers = model.predict(x, { batchSize: 500 }) as tf.Tensor
  const { accuracy, loss } = score(answers.dataSync() as Float32Array, test.labels)
  tf.dispose([x, y, answers])
  return { accuracy, testLoss: loss }
}

const bits = (model: Sequential) =>
  Buffer.concat(
    model.trainableWeights.map((weight) => Buffer.from((weight.read().dataSync() as Float32Array).slice().buffer)),
  )

/** Rows of one sigma. */
async function rowsOf(task: Task, sigma: number): Promise<Row[]> {
  const rows: Row[] = []
  const ends: Buffer[] = []
  for (const mode of ['last', 'clean'] as const) {
    await trained(task, sigma, mode, (model) => {
      ends.push(bits(model))
      rows.push({ sigma, mode, ...tested(model, task) })
      if (mode !== 'last') return
      const [x, y] = tensors(task.train)
      reestimateBatchNorm(model, x, { batchSize: settings.batchSize })
      tf.dispose([x, y])
      rows.push({ sigma, mode: 're-estimate', ...tested(model, task) })
    })
  }
  if (!ends[0]!.equals(ends[1]!)) throw new Error('Expected the same weights in every mode.')
  return rows
}

/** The last commit that changed what is measured; taken first, for the work on the sources goes on. */
const source = commit()
const { name } = await chooseBackend()
await loadBackend(name)
const task = prepare({ train: await loadDigits() }, { ...settings, seed })
const rows: Row[] = []
for (const sigma of sigmas) {
  const found = await rowsOf(task, sigma)
  for (const { mode, accuracy, testLoss } of found) {
    console.log(`sigma ${sigma}, seed ${seed}, ${mode}: ${accuracy.toFixed(1)} %, loss ${testLoss.toFixed(3)}`)
  }
  rows.push(...found)
}
if (values.save) {
  const folder = join(packageRoot(), 'bench', 'results', 'batch-norm')
  const result = {
    kind: 'batch-norm',
    library: source.library,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions: versions({ backend: name }),
    settings: { ...settings, steps, momentum, seed },
    rows,
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `seed-${seed}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
