import test from 'ava'
import { hessian } from '../../src/curvature/hessian.ts'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { type TopEigenvalues, type TopEigenvaluesOptions, topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

/** Outliers at both ends of a bulk. */
const values = Float32Array.from({ length: 2000 }, (_, i) =>
  i < 5 ? 20 * 0.6 ** i : i < 8 ? -9 * 0.5 ** (i - 5) : 0.3 * Math.sin(i),
)
const diagonal = fromMatvec(values.length, (v) => v.map((x, i) => x * values[i]!))
const near = (a: number, b: number, tolerance = 1e-5) => Math.abs(a - b) <= tolerance * Math.abs(b)

/** What must be the same each time. */
function timeless({ wallMs, ...rest }: TopEigenvalues) {
  return rest
}

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
    t.true(found.complete && found.wallMs > 0)
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
  const one = timeless(await topEigenvalues(diagonal, { count: 2, seed: 3 }))
  t.deepEqual(timeless(await topEigenvalues(diagonal, { count: 2, seed: 3 })), one)
  t.notDeepEqual(timeless(await topEigenvalues(diagonal, { count: 2, seed: 4 })), one)
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

test('half of both ends, the odd one at the upper', async (t) => {
  for (const [count, expected] of [
    [1, [20]],
    [2, [20, -9]],
    [5, [20, 12, 7.2, -9, -4.5]],
  ] as const) {
    const found = await topEigenvalues(diagonal, { count, which: 'both' })
    t.true(found.complete && found.converged.every(Boolean))
    t.true(
      found.values.every((one, i) => near(one, expected[i]!)),
      String(found.values),
    )
  }
})

/** The diagonal with these values first, and as many zeros as it takes. */
function padded(size: number, first: readonly number[]) {
  const all = Float32Array.from({ length: size }, (_, i) => first[i] ?? 0)
  return fromMatvec(size, (v) => v.map((x, i) => x * all[i]!))
}

const repeats: [string, number, number[], TopEigenvaluesOptions, number[]][] = [
  ['the identity', 1000, Array(1000).fill(1), { count: 4 }, [1, 1, 1, 1]],
  ['rank 1', 1000, [3], { count: 3 }, [3, 0, 0]],
  ['rank 1, smallest', 1000, [3], { count: 2, which: 'smallest' }, [0, 0]],
  ['zero', 50, [], { count: 2, which: 'magnitude' }, [0, 0]],
  ['a projector', 800, [1, 1, 1, 1, 1], { count: 6 }, [1, 1, 1, 1, 1, 0]],
  ['three of each', 900, [5, 5, 5, 4, 4, 4, 3, 3, 3], { count: 8 }, [5, 5, 5, 4, 4, 4, 3, 3]],
  ['both signs', 900, [5, 5, -5, -5, -4, 1], { count: 4, which: 'magnitude' }, [5, 5, 5, 5]],
  ['both ends', 900, [5, 5, -2, -2, -2], { count: 5, which: 'both' }, [5, 5, 0, -2, -2]],
  ['size 1', 1, [7], {}, [7]],
  ['size 1, zero', 1, [0], { which: 'both' }, [0]],
  ['size 2', 2, [1, 2], { count: 2 }, [2, 1]],
  ['size 2, equal', 2, [2, 2], { count: 2 }, [2, 2]],
  ['size 3, all', 3, [2, 2, 1], { count: 3, which: 'smallest' }, [1, 2, 2]],
]

for (const [name, size, first, options, expected] of repeats) {
  test(`what repeats is listed as often as it does: ${name}`, async (t) => {
    const found = await topEigenvalues(padded(size, first), { ...options, vectors: true })
    t.is(found.values.length, expected.length)
    const values = options.which === 'magnitude' ? found.values.map(Math.abs) : found.values
    for (const [i, value] of values.entries()) t.true(Math.abs(value - expected[i]!) < 1e-4, String(found.values))
    t.true(found.complete && found.converged.every(Boolean))
    for (const [i, one] of found.vectors!.entries()) {
      for (const [j, other] of found.vectors!.entries()) {
        const dot = one.reduce((sum, x, k) => sum + x * other[k]!, 0)
        t.true(Math.abs(dot - +(i === j)) < 1e-5, `${i}, ${j}: ${dot}`)
      }
    }
  })
}

test('without the second look the first start must do', async (t) => {
  const found = await topEigenvalues(diagonal, { count: 3, verify: false })
  t.false(found.complete)
  t.true(found.converged.every(Boolean))
  t.true(found.steps < (await topEigenvalues(diagonal, { count: 3 })).steps)
})

test('ten outliers of 670,000: to a millionth, in 2·(k + 10) vectors', async (t) => {
  const size = 670_000
  const spectrum = Float32Array.from({ length: size }, (_, i) =>
    i < 10 ? 50 * 0.7 ** i : -0.02 + (0.32 * (i - 10)) / (size - 11),
  )
  const operator = fromMatvec(size, (v) => v.map((x, i) => x * spectrum[i]!))
  const found = await topEigenvalues(operator, { count: 10 })
  t.true(found.complete && found.converged.every(Boolean))
  for (const [i, value] of found.values.entries()) t.true(near(value, spectrum[i]!, 1e-6), `${value} ${spectrum[i]}`)
  // Two more are the operator's argument and product.
  t.true(found.bytes <= (2 * 20 - 2) * 4 * (size + 64))
  t.log(found.steps, found.bytes / 4 / size)
})

test('rounded copies count: no more vectors than asked for, for any count', async (t) => {
  const size = 65_536
  // A geometric spectrum, so that restarts happen.
  const operator = fromMatvec(size, (v) => v.map((x, i) => x * 0.97 ** i))
  for (const count of [1, 3, 15, 16]) {
    const { bytes, steps } = await topEigenvalues(operator, { count, steps: 8 * count + 60, verify: false })
    t.true(steps > 2 * (count + 10), `${count}: ${steps} steps fill it`)
    t.true(bytes / 4 / size + 2 <= 2 * (count + 10) + 0.01, `${count}: ${bytes / 4 / size + 2}`)
  }
})

test('up to what overflows in float32, which is refused', async (t) => {
  const scaled = (scale: number) => fromMatvec(65_536, (v) => v.map((x, i) => x * scale * (1 + (i % 7))))
  const { values, converged } = await topEigenvalues(scaled(1e34))
  t.true(converged[0] && near(values[0]!, 7e34, 1e-6), String(values))
  await t.throwsAsync(topEigenvalues(scaled(1e36)), { code: 'ERR_NOT_FINITE' })
})

test('a basis that is restarted often finds the same', async (t) => {
  const found = await topEigenvalues(diagonal, { count: 5, basis: 18, vectors: true, steps: 400 })
  t.true(found.complete)
  t.true(found.bytes <= 16 * 4 * 2048)
  for (const [i, value] of found.values.entries()) {
    t.true(near(value, values[i]!), String(found.values))
    const product = await diagonal.matvec(found.vectors![i]!)
    const residual = Math.hypot(...product.map((x, k) => x - value * found.vectors![i]![k]!))
    t.true(residual < found.residuals[i]! + 2e-5, `${residual} ${found.residuals[i]}`)
  }
})

test('bad options and products are refused', async (t) => {
  const rows: [string, Promise<unknown>][] = [
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { count: 0 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { count: 2001 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { which: 'ends' as never })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { count: 3, basis: 13 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { verify: 1 as never })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { checkpoint: {} as never })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { tolerance: 0 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { steps: 1 })],
    ['ERR_INVALID_ARGUMENT', topEigenvalues(diagonal, { k: 1 } as never)],
    ['ERR_SHAPE', topEigenvalues(fromMatvec(9, (v) => v.slice(1)))],
    ['ERR_NOT_FINITE', topEigenvalues(fromMatvec(9, (v) => v.fill(Number.NaN)))],
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

test('no residual is said to be smaller than what float32 rounds', async (t) => {
  const diagonal = fromMatvec(40, (v) => v.map((x, i) => x * (1 + i)))
  const { residuals } = await topEigenvalues(diagonal, { count: 3, steps: 200 })
  for (const residual of residuals) t.true(residual >= 40 * 2 ** -23, `${residual}`)
})
