import {
  adam,
  adamw,
  type FlatOptimizer,
  lion,
  momentum,
  nesterov,
  nso,
  rmsprop,
  sam,
  sgd,
  shuffled,
  shuffledBatches,
} from '../../src/index.ts'
import { bits, tf } from './backends.ts'
import { random, start } from './training.ts'

const [rate, slow] = [{ learningRate: 0.05 }, { learningRate: 0.01 }]

/** Every native base with every rule it has. */
export const bases: Readonly<Record<string, () => FlatOptimizer>> = {
  sgd: () => sgd(rate),
  momentum: () => momentum(rate),
  nesterov: () => nesterov(rate),
  adam: () => adam(rate),
  'adam (amsgrad)': () => adam({ ...rate, amsgrad: true }),
  adamw: () => adamw({ ...rate, weightDecay: 0.1 }),
  'adamw (amsgrad)': () => adamw({ ...rate, amsgrad: true }),
  rmsprop: () => rmsprop(slow),
  'rmsprop (momentum)': () => rmsprop({ ...slow, momentum: 0.5 }),
  'rmsprop (centered)': () => rmsprop({ ...slow, centered: true }),
  'rmsprop (centered, momentum)': () => rmsprop({ ...slow, centered: true, momentum: 0.5 }),
  lion: () => lion(slow),
}

/** What is resumed: noise around every base, and what else has something to remember. */
export const optimizers: Readonly<Record<string, () => FlatOptimizer>> = {
  ...Object.fromEntries(
    Object.entries(bases).map(([name, base]) => [`nso on ${name}`, () => nso(base(), { sigma: 0.05, seed: 7 })]),
  ),
  'sam on adam': () => sam(adam(rate), { seed: 7 }),
  'nso on momentum, k = 2, 2 micro-batches an update': () =>
    nso(momentum({ ...rate, accumulation: 2, distance: 0.1 }), { seed: 7, sigma: 0.05, perturbations: 2 }),
}

/** 3 → 5 → 1 with all that moves besides the weights: statistics of batches, masks that are drawn. */
export function network(optimizer: FlatOptimizer): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 5, activation: 'tanh', inputShape: [3], kernelInitializer: start(1) }),
      tf.layers.batchNormalization({ momentum: 0.8 }),
      tf.layers.dropout({ rate: 0.3 }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  return model
}

export const optimizerOf = (model: tf.LayersModel): FlatOptimizer => model.optimizer as unknown as FlatOptimizer

/** Two batches an epoch, the last one small. */
const [examples, batchSize, seed] = [6, 4, 5]
const epochs = 3

/** Trains from one place to another, in its own unit: epochs, or steps. */
export interface Way {
  readonly cut: number
  readonly end: number
  train(model: tf.LayersModel, from: number, to: number): Promise<void>
}

async function withData(run: (x: tf.Tensor, y: tf.Tensor) => unknown): Promise<void> {
  const [x, y] = [random([examples, 3], 1), random([examples, 1], 2)]
  await run(x, y)
  tf.dispose([x, y])
}

/** Every way to train a model. */
export const ways: Readonly<Record<string, Way>> = {
  fit: {
    ...{ cut: 2, end: epochs },
    train: (model, initialEpoch, epochs) =>
      withData((x, y) =>
        model.fit(x, y, { batchSize, epochs, initialEpoch, verbose: 0, callbacks: [shuffled({ seed })] }),
      ),
  },
  fitDataset: {
    ...{ cut: 1, end: epochs },
    train: (model, initialEpoch, epochs) =>
      withData((x, y) => {
        const data = shuffledBatches(x, y, { batchSize, seed, from: { initialEpoch, startBatch: 0 } })
        return model.fitDataset(data, {
          ...{ epochs, initialEpoch, verbose: 0 },
        })
      }),
  },
  loop: {
    // In mid-epoch.
    ...{ cut: 3, end: 5 },
    train: (model, from, to) =>
      withData((x, y) => {
        const data = shuffledBatches(x, y, { batchSize, seed })
        const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
        let step = from
        while (step < to) {
          for (const { xs, ys } of data.epoch(Math.floor(step / data.size), step % data.size)) {
            if (step === to) break
            const loss = () =>
              tf.losses.meanSquaredError(ys, model.apply(xs, { training: true }) as tf.Tensor) as tf.Scalar
            optimizerOf(model).minimize(() => tf.tidy(loss), false, variables)
            step++
          }
        }
      }),
  },
}

/** What a file would hold: topology and configs have been JSON in between. */
export async function saved(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let found: tf.io.ModelArtifacts | null = null
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    found = artifacts
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) }
  })
  await model.save(handler, { includeOptimizer: true })
  const { weightData, ...rest } = found as unknown as tf.io.ModelArtifacts
  return { ...JSON.parse(JSON.stringify(rest)), weightData } as tf.io.ModelArtifacts
}

/** All that must be equal, as text: the bits of weights, moments, statistics and counters. */
export async function fingerprint(model: tf.LayersModel): Promise<string> {
  const optimizer = optimizerOf(model)
  const state = await optimizer.getWeights()
  const words = (tensors: tf.Tensor[]) => tensors.map((one) => Buffer.from(bits(one).buffer).toString('hex'))
  const [weights, saved] = [words(model.getWeights()), words(state.map(({ tensor }) => tensor))]
  return JSON.stringify({ weights, state: saved, iterations: optimizer.iterations, seed: optimizer.seed })
}
