import test from 'ava'
import { nso, oneSided, sam, sgd } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'

const n = 24
const integers = (seed: number, count: number, range: number) =>
  Array.from({ length: count }, (_, i) => ((i * 7919 + seed * 104729) % (2 * range + 1)) - range)
/** A symmetric matrix of small integers. */
const hessian = Array.from({ length: n }, (_, i) =>
  Array.from({ length: n }, (_, j) => integers(Math.min(i, j) * n + Math.max(i, j), 1, 3)[0]!),
)
const dyadic = integers(1, n, 40).map((value) => value / 8)

/** f(w) = ½·wᵀHw, exact in f32 for dyadic w. */
function quadratic(w: tf.Variable): () => tf.Scalar {
  return () =>
    tf.tidy(() => {
      const column = tf.reshape(w, [n, 1])
      return tf.mul(0.5, tf.sum(tf.mul(column, tf.matMul(tf.tensor2d(hessian), column as tf.Tensor2D)))) as tf.Scalar
    })
}

function variable(values: number[]): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor1d(values)))
}

for (const perturbations of [1, 2, 4]) {
  onEachBackend(
    test,
    `on a quadratic with dyadic data, nso (k = ${perturbations}) is a gradient step, bit for bit`,
    (t) => {
      const [plain, noisy] = [variable(dyadic), variable(dyadic)]
      const gd = sgd({ learningRate: 1 / 64 })
      const flat = nso(sgd({ learningRate: 1 / 64 }), {
        sigma: 1 / 16,
        distribution: 'rademacher',
        perturbations,
        seed: 3,
      })
      gd.minimize(quadratic(plain), false, [plain])
      flat.minimize(quadratic(noisy), false, [noisy])
      t.deepEqual(bits(noisy), bits(plain))
      t.notDeepEqual([...noisy.dataSync()], dyadic)
    },
  )
}

onEachBackend(test, 'on a quadratic with gaussian noise, nso is a gradient step to rounding', (t) => {
  const sigma = 0.3
  const w = variable(dyadic)
  nso(sgd({ learningRate: 1 }), { sigma, seed: 5 }).minimize(quadratic(w), false, [w])
  const u = loadBinding().sample(5, 'gaussian', 0, 0, 0, 0, n)
  const norm = (values: Iterable<number>) => Math.hypot(...values)
  const frobenius = norm(hessian.flat())
  const moved = w.dataSync()
  for (let i = 0; i < n; i++) {
    const gradient = hessian[i]!.reduce((sum, h, j) => sum + h * dyadic[j]!, 0)
    const error = Math.abs(moved[i]! - (dyadic[i]! - gradient))
    t.true(error <= 1e-6 * frobenius * (norm(dyadic) + sigma * norm(u)), `element ${i}: ${error}`)
  }
})

/** f(w) = Σ (aᵢ·w)³/6: tr H = Σ |aᵢ|²(aᵢ·w), ∇tr H = Σ |aᵢ|²aᵢ; nothing beyond third order. */
const directions = [0, 1, 2].map((m) => integers(m + 50, 6, 4).map((value) => value / 4))
const point = [0.5, -1, 0.25, 2, -0.5, 1]
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

function cubic(w: tf.Variable): () => tf.Scalar {
  return () =>
    tf.tidy(() => {
      const products = tf.matMul(tf.tensor2d(directions), tf.reshape(w, [6, 1]) as tf.Tensor2D)
      return tf.div(tf.sum(tf.mul(tf.square(products), products)), 6) as tf.Scalar
    })
}

onEachBackend(
  test,
  'on a cubic, the mean pair gradient is ∇f + (σ²/2)·∇tr H, and the free trace is tr H',
  (t, backend) => {
    const sigma = 0.5
    const steps = backend === 'cpu' ? 3000 : 800
    const w = variable(point)
    const start = tf.tensor1d(point)
    const optimizer = nso(sgd({ learningRate: 1 }), { sigma, seed: 11 })
    const samples: number[][] = []
    for (let step = 0; step < steps; step++) {
      w.assign(start)
      optimizer.minimize(cubic(w), false, [w])
      const after = w.dataSync()
      samples.push(point.map((value, i) => value - after[i]!))
    }
    start.dispose()
    for (let i = 0; i < 6; i++) {
      const gradient = directions.reduce((sum, a) => sum + (dot(a, point) ** 2 / 2) * a[i]!, 0)
      const penalty = directions.reduce((sum, a) => sum + dot(a, a) * a[i]!, 0)
      const { mean, error } = meanOf(samples.map((sample) => sample[i]!))
      t.true(
        Math.abs(mean - (gradient + (sigma ** 2 / 2) * penalty)) <= 4 * error + 1e-5,
        `element ${i}: ${mean} ± ${error}`,
      )
    }
    const trace = directions.reduce((sum, a) => sum + dot(a, a) * dot(a, point), 0)
    const estimate = optimizer.curvature!
    t.true(Math.abs(estimate.trace - trace) <= 4 * estimate.standardError, `${estimate.trace} against ${trace}`)
    t.true(estimate.standardError < Math.abs(trace), 'an error bar that says something')
    t.is(estimate.samples, steps)
    optimizer.dispose()
  },
)

onEachBackend(test, 'one-sided noise has covariance σ²H² on a quadratic, k gradients a step', (t) => {
  const sigma = 1 / 4
  const w = variable(dyadic)
  const start = tf.tensor1d(dyadic)
  const optimizer = oneSided(sgd({ learningRate: 1 }), { sigma, seed: 2 })
  t.is(optimizer.passesPerStep, 1)
  const gradient = hessian.map((row) => dot(row, dyadic))
  let squares = 0
  const steps = 200
  for (let step = 0; step < steps; step++) {
    w.assign(start)
    optimizer.minimize(quadratic(w), false, [w])
    const after = w.dataSync()
    squares += dyadic.reduce((sum, value, i) => sum + (value - after[i]! - gradient[i]!) ** 2, 0)
  }
  start.dispose()
  const expected = sigma ** 2 * hessian.flat().reduce((sum, h) => sum + h * h, 0)
  t.true(Math.abs(squares / steps / expected - 1) < 0.35, `${squares / steps} against ${expected}`)
  t.is(optimizer.curvature, null)
})

onEachBackend(test, 'sam takes the gradient at W + ρ·g/‖g‖, and a zero gradient gives a plain step', (t) => {
  const rho = 0.5
  const w = variable(dyadic)
  sam(sgd({ learningRate: 1 }), { rho }).minimize(quadratic(w), false, [w])
  const gradient = hessian.map((row) => dot(row, dyadic))
  const uphill = dyadic.map((value, i) => value + (rho * gradient[i]!) / Math.hypot(...gradient))
  const moved = w.dataSync()
  for (let i = 0; i < n; i++) {
    const expected = dyadic[i]! - dot(hessian[i]!, uphill)
    t.true(Math.abs(moved[i]! - expected) < 1e-4 * (1 + Math.abs(expected)))
  }
  const zero = variable(dyadic.map(() => 0))
  sam(sgd({ learningRate: 1 }), { rho }).minimize(quadratic(zero), false, [zero])
  t.true([...zero.dataSync()].every((value) => value === 0))
})

onEachBackend(test, 'mixing λ weighs the clean gradient by λ and the pairs by 1 − λ', (t) => {
  const w = variable(point)
  const [lambda, sigma] = [0.25, 0.5]
  const optimizer = nso(sgd({ learningRate: 1 }), { sigma, mixing: lambda, perturbations: 2, seed: 8 })
  t.is(optimizer.passesPerStep, 5)
  optimizer.minimize(cubic(w), false, [w])
  const at = (values: number[]) =>
    values.map((_, i) => directions.reduce((sum, a) => sum + (dot(a, values) ** 2 / 2) * a[i]!, 0))
  const noise = [0, 1].map((j) => loadBinding().sample(8, 'gaussian', 0, 0, j, 0, 6))
  const moved = w.dataSync()
  for (let i = 0; i < 6; i++) {
    const pairs = noise.map((u) => {
      const [up, down] = [1, -1].map((sign) => at(point.map((value, k) => value + sign * sigma * u[k]!)))
      return up![i]! + down![i]!
    })
    const mean = lambda * at(point)[i]! + ((1 - lambda) / 4) * (pairs[0]! + pairs[1]!)
    t.true(Math.abs(point[i]! - moved[i]! - mean) < 1e-5 * (1 + Math.abs(mean)))
  }
})

function meanOf(values: number[]): { mean: number; error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, error: Math.sqrt(variance / values.length) }
}
