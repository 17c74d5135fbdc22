import { type FlatOptimizer, nso, oneSided, sam } from '../../src/index.ts'
import { tf } from './backends.ts'
import { start } from './training.ts'

/** Micro-batches an update. */
export const micros = 4
export const noise = { seed: 9, sigma: 0.05 }
export const rate = { learningRate: 0.05 }

/** 4 → 5 → 1 of mean squared error. */
export function compiled(optimizer: FlatOptimizer, dropout = 0): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 5, activation: 'tanh', inputShape: [4], kernelInitializer: start(1) }),
      tf.layers.dropout({ rate: dropout }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  return model
}

/** Equal parts of some examples. */
export const parts = (whole: tf.Tensor, count: number = micros): tf.Tensor[] => tf.split(whole, count)

/** Every estimator around a base. */
export const estimators: [string, (base: FlatOptimizer) => FlatOptimizer][] = [
  ['plain', (base) => base],
  ['nso', (base) => nso(base, noise)],
  ['nso, k = 2, mixing', (base) => nso(base, { ...noise, perturbations: 2, mixing: 0.25 })],
  ['one-sided, k = 3', (base) => oneSided(base, { ...noise, perturbations: 3 })],
  ['sam', (base) => sam(base, { rho: 0.1, seed: 9 })],
]
