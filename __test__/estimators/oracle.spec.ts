import { readFileSync } from 'node:fs'
import test from 'ava'
import { adamw, type FlatOptimizer, momentum, nso, oneSided, sam } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

// Estimators against torch's autograd in float64, over 20 steps: __test__/oracle/estimators.py wrote the constants, from
// noise that __test__/oracle/noise.ts had drawn.

/** A small net, and what became of it. */
interface Oracle {
  readonly shapes: readonly number[][]
  readonly x: number[][]
  readonly y: number[][]
  readonly start: readonly number[][]
  readonly cases: readonly Case[]
}

interface Case {
  readonly factory: 'plain' | 'sam' | 'nso' | 'oneSided'
  readonly options: object
  readonly base: keyof typeof bases
  readonly baseOptions: object
  readonly oracle: string
  /** The weights after some steps. */
  readonly weights: Readonly<Record<string, readonly number[][]>>
}

const bases = { adamw, momentum }
const factories = { plain: (base: FlatOptimizer, _: object) => base, sam, nso, oneSided }
const read = (name: string) => JSON.parse(readFileSync(new URL(`../oracle/${name}`, import.meta.url), 'utf8'))
const { shapes, x, y, start, cases } = read('estimators.json') as Oracle
const names = ['oracle/kernel', 'oracle/bias', 'oracle/kernel_1', 'oracle/bias_1']

/** What 20 steps in float32 may differ from float64, gradients included, for weights of size 1. */
const tolerance = 5e-6

for (const { factory, options, base, baseOptions, oracle, weights: expected } of cases) {
  onEachBackend(test, `${factory} on ${base} is ${oracle}`, (t) => {
    const optimizer = factories[factory](bases[base](baseOptions), options)
    const weights = names.map((name, n) => tf.tidy(() => tf.variable(tf.tensor(start[n]!, shapes[n]!), true, name)))
    const [kernel, bias, kernel1, bias1] = weights as [tf.Variable, tf.Variable, tf.Variable, tf.Variable]
    const loss = () =>
      tf.tidy(() => {
        const hidden = tf.tanh(tf.add(tf.matMul(tf.tensor2d(x), kernel as unknown as tf.Tensor2D), bias))
        const output = tf.add(tf.matMul(hidden as tf.Tensor2D, kernel1 as unknown as tf.Tensor2D), bias1)
        return tf.mean(tf.squaredDifference(output, tf.tensor2d(y))) as tf.Scalar
      })
    const found: Record<string, number> = {}
    for (let step = 0; step < 20; step++) {
      optimizer.minimize(loss, false, weights)
      const now = expected[step + 1]
      if (now === undefined) continue
      const values = weights.map((weight) => weight.dataSync())
      found[step + 1] = Math.max(...now.flatMap((row, n) => row.map((value, i) => Math.abs(values[n]![i]! - value))))
    }
    optimizer.dispose()
    tf.dispose(weights)
    t.true(Math.max(...Object.values(found)) <= tolerance, `off after each step: ${JSON.stringify(found)}`)
  })
}

test('the noise that the constants were made from is still what the generator draws', (t) => {
  const { seed, noise } = read('noise.json') as { seed: number; noise: number[][][][] }
  for (const [step, perturbations] of noise.entries()) {
    for (const [j, tensors] of perturbations.entries()) {
      for (const [tensor, values] of tensors.entries()) {
        const drawn = loadBinding().sample(seed, 'gaussian', 0, step, j, tensor, values.length)
        t.deepEqual(Float32Array.from(values), drawn)
      }
    }
  }
})
