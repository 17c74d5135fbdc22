import {
  adam,
  adamw,
  type BaseOptimizer,
  type FlatOptimizer,
  lion,
  momentum,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  sam,
  sgd,
} from '../../src/index.ts'
import { tf } from '../helpers/backends.ts'

/** Of all that is drawn. */
export const seed = 7
const noise = { seed, sigma: 0.01 }
export const learningRate = 0.02
const options = { learningRate, seed }

/** A base, and the stock optimizer that it must equal on the same gradients, where there is one. */
export interface Base {
  readonly name: string
  make(): BaseOptimizer
  stock?(): tf.Optimizer
}

/** tfjs adds rmsprop's epsilon inside the root. */
const [epsilon, inside] = [1e-8, 1e-16]
export const bases: readonly Base[] = [
  { name: 'sgd', make: () => sgd(options), stock: () => tf.train.sgd(learningRate) },
  { name: 'momentum', make: () => momentum(options), stock: () => tf.train.momentum(learningRate, 0.9) },
  { name: 'nesterov', make: () => nesterov(options), stock: () => tf.train.momentum(learningRate, 0.9, true) },
  {
    name: 'adam',
    make: () => adam({ ...options, epsilon }),
    stock: () => tf.train.adam(learningRate, 0.9, 0.999, epsilon),
  },
  { name: 'adamw', make: () => adamw(options) },
  {
    name: 'rmsprop',
    make: () => rmsprop({ ...options, epsilon }),
    stock: () => tf.train.rmsprop(learningRate, 0.9, 0, inside),
  },
  { name: 'lion', make: () => lion(options) },
  ...(['sgd', 'adam', 'rmsprop'] as const).map((name) => {
    const make = () => tf.train[name](learningRate)
    return { name: `tf.train.${name}`, make, stock: make }
  }),
  {
    name: 'tf.train.momentum',
    make: () => tf.train.momentum(learningRate, 0.9),
    stock: () => tf.train.momentum(learningRate, 0.9),
  },
]

/** An estimator around a base, and the same with a noise or radius of 0. */
export interface EstimatorRow {
  readonly name: string
  make(base: BaseOptimizer): FlatOptimizer
  still(base: BaseOptimizer): FlatOptimizer
}
export const zero: () => number = () => 0
export const estimators: readonly EstimatorRow[] = [
  { name: 'plain', make: plain, still: plain },
  { name: 'nso', make: (base) => nso(base, noise), still: (base) => nso(base, { ...noise, sigma: zero }) },
  {
    name: 'nso, k = 2 of split data',
    make: (base) => nso(base, { ...noise, perturbations: 2, data: 'split' }),
    still: (base) => nso(base, { ...noise, perturbations: 2, data: 'split', sigma: zero }),
  },
  {
    name: 'one-sided, k = 2',
    make: (base) => oneSided(base, { ...noise, perturbations: 2 }),
    still: (base) => oneSided(base, { ...noise, perturbations: 2, sigma: zero }),
  },
  { name: 'sam', make: (base) => sam(base, { rho: 0.02, seed }), still: (base) => sam(base, { rho: zero, seed }) },
]

/** The base alone; a stock one is wrapped without noise. */
function plain(base: BaseOptimizer): FlatOptimizer {
  return 'settings' in base ? (base as FlatOptimizer) : nso(base, { seed, sigma: zero })
}
