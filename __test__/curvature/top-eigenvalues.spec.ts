import test from 'ava'
import { hessian } from '../../src/curvature/hessian.ts'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

/** Outliers at both ends of a bulk. */
const values = Float32Array.from({ length: 2000 }, (_, i) =>
  i < 5 ? 20 * 0.6 ** i : i < 8 ? -9 * 0.5 ** (i - 5) : 0.3 * Math.sin(i),
)
const diagonal = fromMatvec(values.length, (v) => v.map((x, i) => x * values[i]!))
const near = (a: number, b: number, tolerance = 1e-5) => Math.abs(a - b) <= tolerance * Math.abs(b)

test('largest, smallest and largest in magnitude, each in its order', async (t) => {
  const largest = await topEigenvalues(diagonal, { count: 5 })
  t.true(
    largest.values.every((one, i) => near(one, values[i]!)),
    String(largest.values),
  )
  const smallest = await topEigenvalues(diagonal, { count: 3, which: 'smallest' })
  t.true(
    smallest.values.every((one, i) => near(one, values[5 + i]!)),
    String(smallest.values),
  )
  const magnitude = await topEigenvalues(diagonal, { count: 4, which: 'magnitude' })
  const expected = [...values].toSorted((a, b) => Math.abs(b) - Math.abs(a)).slice(0, 4)
  t.true(
    magnitude.values.every((one, i) => near(one, expected[i]!)),
    String(magnitude.values),
  )
  for (const found of [largest, smallest, magnitude]) {
    t.true(found.converged.every(Boolean))
    t.true(found.steps < 100)
    t.true(found.bytes >= 4 * 2000 * found.steps)
  }
})

test('vectors are of length 1, and the residuals are what they say', async (t) => {
  const found = await topEigenvalues(diagonal, { count: 3, vectors: true, tolerance: 1e-5 })
  for (const [k, vector] of found.vectors!.entries()) {
    t.true(near(Math.hypot(...vector), 1))
    const product = await diagonal.matvec(vector)
    const residual = Math.hypot(...product.map((x, i) => x - found.values[k]! * vector[i]!))
    t.true(Math.abs(residual - found.residuals[k]!) < 2e-5, `${residual} ${found.residuals[k]}`)
  }
})

test('too few steps are said to be too few', async (t) => {
  const found = await topEigenvalues(diagonal, { count: 5, steps: 6 })
  t.is(found.steps, 6)
  t.false(found.converged.every(Boolean))
  t.is(found.vectors, null)
})

test('a small matrix is spanned: all of its eigenvalues, exact', async (t) => {
  const small = fromMatvec(4, (v) => v.map((x, i) => x * (i - 1.5)))
  const found = await topEigenvalues(small, { count: 4 })
  t.true(
    found.values.every((one, i) => Math.abs(one - (1.5 - i)) < 1e-5),
    String(found.values),
  )
  t.is(found.steps, 4)
})

test('equal seeds give equal bits; a signal ends it with what there is', async (t) => {
  const one = await topEigenvalues(diagonal, { count: 2, seed: 3 })
  t.deepEqual(await topEigenvalues(diagonal, { count: 2, seed: 3 }), one)
  t.notDeepEqual(await topEigenvalues(diagonal, { count: 2, seed: 4 }), one)
  const controller = new AbortController()
  const run = topEigenvalues(diagonal, {
    count: 5,
    signal: controller.signal,
    onProgress: ({ done, etaMs }) => {
      t.true(etaMs >= 0)
      if (done === 3) controller.abort()
    },
  })
  const error = await t.throwsAsync(run, { instanceOf: AbortedError })
  t.is((error.partial as { steps: number }).steps, 3)
})

test('bad options and products are refused', async (t) => {
  const rows: [string, Promise<unknown>][] = [
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { count: 0 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { count: 2001 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { which: 'both' as never })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { tolerance: 0 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { steps: 1 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { k: 1 } as never)],
    ['ERR_SHAPE', topEigenvalues(fromMatvec(9, (v) => v.slice(1)))],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(fromMatvec(9, (v) => v.fill(Number.NaN)))],
  ]
  for (const [expected, run] of rows) t.is(code(await t.throwsAsync(run)), expected)
})

onEachBackend(test, 'of a net: those of its dense Hessian', async (t) => {
  const [w, u] = [
    [3, 4],
    [4, 1],
  ].map((shape, i) => tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', i + 1)))) as [
    tf.Variable,
    tf.Variable,
  ]
  const x = tf.randomNormal([10, 3], 0, 1, 'float32', 5) as tf.Tensor2D
  const loss = () => {
    const hidden = tf.tanh(tf.matMul(x, w as tf.Tensor as tf.Tensor2D)) as tf.Tensor2D
    return tf.mean(tf.square(tf.sub(tf.matMul(hidden, u as tf.Tensor as tf.Tensor2D), 1))) as tf.Scalar
  }
  const H = hessian(loss, { variables: [w, u] })
  const columns: Float32Array[] = []
  for (let i = 0; i < H.size; i++)
    columns.push(await H.matvec(Float32Array.from({ length: H.size }, (_, j) => +(i === j))))
  const trace = columns.reduce((sum, column, i) => sum + column[i]!, 0)
  const frobenius = columns.reduce((sum, column) => sum + column.reduce((part, one) => part + one * one, 0), 0)
  const found = await topEigenvalues(H, { count: H.size })
  const sum = (f: (x: number) => number) => found.values.reduce((total, one) => total + f(one), 0)
  t.true(
    near(
      sum((one) => one),
      trace,
      1e-4,
    ),
  )
  t.true(
    near(
      sum((one) => one * one),
      frobenius,
      1e-4,
    ),
  )
  x.dispose()
})
