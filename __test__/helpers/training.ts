import { loadBinding } from '../../src/native/index.ts'
import { tf } from './backends.ts'

/** Inputs or targets: the same for everyone who asks for the same seed. */
export function random(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0, 1, 'float32', seed)
}

/** A fixed start, so that two models with the same layers are twins. */
export const start = (seed: number): ReturnType<typeof tf.initializers.glorotUniform> =>
  tf.initializers.glorotUniform({ seed })

/** The weights of a model, copied, trainable ones first as tfjs has them. */
export function weightsOf(model: tf.LayersModel): Float32Array[] {
  return model.getWeights().map((one) => (one.dataSync() as Float32Array).slice())
}

/** Sets what `weightsOf` gave. */
export function setWeights(model: tf.LayersModel, values: readonly Float32Array[]): void {
  tf.tidy(() => model.setWeights(model.getWeights().map((one, i) => tf.tensor(values[i]!.slice(), one.shape))))
}

/** The largest difference between two lists of arrays of the same lengths. */
export function distance(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  if (a.length !== b.length || a.some((one, i) => one.length !== b[i]!.length)) return Number.POSITIVE_INFINITY
  return Math.max(0, ...a.flatMap((one, i) => Array.from(one, (value, j) => Math.abs(value - b[i]![j]!))))
}

/** What a step's noise is made from. */
export interface Noise {
  seed: number
  step: number
  sigma: number
  perturbations: number
}

/** W + σU and W − σU of every perturbation, in the order of the passes; U drawn by the generator itself. */
export function around(
  weights: readonly Float32Array[],
  { seed, step, sigma, perturbations }: Noise,
): Float32Array[][] {
  return Array.from({ length: 2 * perturbations }, (_, pass) =>
    weights.map((values, t) => {
      const u = loadBinding().sample(seed, 'gaussian', 0, step, pass >> 1, t, values.length)
      return values.map((value, i) => value + (pass % 2 === 0 ? sigma : -sigma) * u[i]!)
    }),
  )
}

/** Element by element. */
export function mean(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
}

/** What one step on one batch reports: the loss, then the metrics. */
export type OneStep = (
  model: tf.LayersModel,
  x: tf.Tensor,
  y: tf.Tensor | tf.Tensor[],
) => Promise<{ names: string[]; values: number[] }>

function logged(history: Record<string, (number | tf.Tensor)[]>): { names: string[]; values: number[] } {
  return { names: Object.keys(history), values: Object.values(history).map((values) => values[0] as number) }
}

/** Every way into a model's step. */
export const entries: [string, OneStep][] = [
  [
    'fit',
    async (model, x, y) => {
      // Even within one batch an order from Math.random would sum otherwise every time.
      const options = { batchSize: x.shape[0]!, epochs: 1, shuffle: false, verbose: 0 } as const
      return logged((await model.fit(x, y, options)).history)
    },
  ],
  [
    'fitDataset',
    async (model, x, y) => {
      const dataset = tf.data.generator(function* () {
        const targets = Array.isArray(y) ? y.map((one) => one.clone()) : y.clone()
        yield {
          xs: x.clone(),
          ys: Array.isArray(targets) ? Object.fromEntries(model.outputNames.map((n, i) => [n, targets[i]])) : targets,
        } as unknown as tf.TensorContainer
      })
      return logged((await model.fitDataset(dataset, { epochs: 1, verbose: 0 })).history)
    },
  ],
  [
    'trainOnBatch',
    async (model, x, y) => {
      const values = await model.trainOnBatch(x, y)
      return { names: model.metricsNames as string[], values: Array.isArray(values) ? values : [values] }
    },
  ],
]
