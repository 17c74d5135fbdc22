import test from 'ava'
import { packedSize } from '../../../src/cli/matrix-sensing/packed.ts'
import { draw, type Problem } from '../../../src/cli/matrix-sensing/problem.ts'
import { Sensing } from '../../../src/cli/matrix-sensing/sensing.ts'
import { loadBinding } from '../../../src/native/index.ts'
import { onEachBackend } from '../../helpers/backends.ts'

const size = { dimension: 7, rank: 2, measurements: 31, seed: 5 }
const { dimension: d, rank, measurements: m, seed } = size
type Matrix = number[][]

const square = (values: ArrayLike<number>): Matrix =>
  Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => values[i * d + j]!))
const cells = <T>(f: (i: number, j: number) => T): T[] =>
  Array.from({ length: d * d }, (_, k) => f(Math.floor(k / d), k % d))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const sample = (tensor: number, index: number, length: number) =>
  loadBinding().sample(seed, 'gaussian', 4, 0, index, tensor, length)

/** Aᵢ of the training (tensor 2) or validation (tensor 3) measurements, as the sampler gives it. */
function measurement(tensor: number, i: number): Matrix {
  const g = square(sample(tensor, i, d * d))
  return square(cells((a, b) => (g[a]![b]! + g[b]![a]!) / 2))
}

/** U·Vᵀ of matrices of `columns` columns, row by row. */
function outer(u: ArrayLike<number>, columns: number): Matrix {
  return square(
    cells((i, j) => sum(Array.from({ length: columns }, (_, k) => u[i * columns + k]! * u[j * columns + k]!))),
  )
}

const inner = (a: Matrix, b: Matrix) => sum(cells((i, j) => a[i]![j]! * b[i]![j]!))

/** Loss, gradient and errors by plain loops over whole matrices. */
function plainly(u: Float32Array): {
  loss: number
  gradient: number[]
  validation: number
  trainMse: number
  distance: number
} {
  const x = outer(sample(0, 0, d * rank), rank)
  const found = outer(u, d)
  const errors = (tensor: number) => {
    const all = Array.from({ length: m }, (_, i) => measurement(tensor, i))
    const residuals = all.map((a) => inner(a, found) - inner(a, x))
    const squares = sum(residuals.map((r) => r * r))
    return { all, residuals, squares, mse: squares / sum(all.map((a) => inner(a, x) ** 2)) }
  }
  const train = errors(2)
  const weighted = square(cells((i, j) => sum(train.all.map((a, n) => train.residuals[n]! * a[i]![j]!)) / m))
  const factor = square(u)
  const difference = square(cells((i, j) => found[i]![j]! - x[i]![j]!))
  return {
    loss: train.squares / (4 * m),
    gradient: cells((i, j) => sum(Array.from({ length: d }, (_, k) => weighted[i]![k]! * factor[k]![j]!))),
    validation: errors(3).mse,
    trainMse: train.mse,
    distance: Math.sqrt(inner(difference, difference) / inner(x, x)),
  }
}

const close = (a: number, b: number, scale = Math.abs(b)) => Math.abs(a - b) <= 1e-5 * scale + 1e-12

test('a problem is the same for the same seed, and another for another', (t) => {
  const flat = ({ truth, start, train, validation }: Problem) => [
    truth,
    start,
    train.matrix,
    train.values,
    validation.matrix,
    validation.values,
  ]
  const problem = draw(size)
  t.deepEqual(flat(draw(size)), flat(problem))
  for (const [i, other] of flat(draw({ ...size, seed: 6 })).entries()) t.notDeepEqual(other, flat(problem)[i])
  t.is(problem.train.matrix.length, m * packedSize(d))
  t.notDeepEqual(problem.train.matrix, problem.validation.matrix)
})

onEachBackend(test, 'loss, gradient and errors on packed triangles are those of plain loops', (t, backend) => {
  const problem = draw(size)
  const sensing = new Sensing(problem)
  for (const u of [problem.start, problem.start.map((value) => value / 3)]) {
    const expected = plainly(u)
    const { loss, gradient } = sensing.gradient(u.slice()) as { loss: number; gradient: Float32Array }
    const largest = Math.max(...expected.gradient.map(Math.abs))
    t.true(close(loss, expected.loss), `${backend}: ${loss} ${expected.loss}`)
    for (const [k, value] of expected.gradient.entries()) t.true(close(gradient[k]!, value, 10 * largest), `${k}`)
    const measures = sensing.measures(u)
    for (const name of ['validation', 'trainMse', 'distance'] as const) {
      t.true(close(measures[name], expected[name]), `${name}: ${measures[name]} ${expected[name]}`)
    }
  }
  sensing.dispose()
})

onEachBackend(test, 'the true factor has no error, and the size of X', (t) => {
  const problem = draw(size)
  const sensing = new Sensing(problem)
  const factor = sample(0, 0, d * rank)
  const u = Float32Array.from(cells((i, k) => (k < rank ? factor[i * rank + k]! : 0)))
  const measures = sensing.measures(u)
  t.true(measures.validation < 1e-12 && measures.trainMse < 1e-12 && measures.distance < 1e-6)
  t.true(close(measures.size, 1))
  t.true((sensing.gradient(u) as { loss: number }).loss < 1e-10)
  sensing.dispose()
})
