import test from 'ava'
import { addOperators, blocksOf, scaleOperator, shiftOperator } from '../../src/curvature/algebra.ts'
import { dense } from '../../src/curvature/dense.ts'
import { fisher, gaussNewton } from '../../src/curvature/gauss-newton.ts'
import { hessian } from '../../src/curvature/hessian.ts'
import { fromMatvec, type Operator } from '../../src/curvature/operator.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

const rows = [
  [4, 1, 2],
  [1, 3, 0],
  [2, 0, -5],
]
const A: Operator = {
  size: 3,
  passes: 2,
  blocks: [
    { name: 'a', size: 2 },
    { name: 'b', size: 1 },
  ],
  matvec: (v) => Float32Array.from(rows, (row) => row.reduce((sum, value, j) => sum + value * v[j]!, 0)),
}
const twice = fromMatvec(3, (v) => v.map((value) => 2 * value))

const matrix = async (operator: Operator) => [...(await dense(operator)).values]

test('sums, multiples and shifts are those of the matrices, and keep blocks and passes', async (t) => {
  const all: [Operator, number[][], number][] = [
    [addOperators(A, twice), rows.map((row, i) => row.map((a, j) => a + (i === j ? 2 : 0))), 2],
    [addOperators(twice, A, A), rows.map((row, i) => row.map((a, j) => 2 * a + (i === j ? 2 : 0))), 4],
    [scaleOperator(A, -0.5), rows.map((row) => row.map((a) => -0.5 * a)), 2],
    [shiftOperator(A, 3), rows.map((row, i) => row.map((a, j) => a + (i === j ? 3 : 0))), 2],
  ]
  for (const [operator, expected, passes] of all) {
    t.deepEqual(await matrix(operator), expected.flat())
    t.is(operator.passes, passes)
    t.deepEqual(operator.blocks, A.blocks)
    const [first, second] = blocksOf(operator)
    t.deepEqual(await matrix(first!), [expected[0]![0]!, expected[0]![1]!, expected[1]![0]!, expected[1]![1]!])
    t.deepEqual(await matrix(second!), [expected[2]![2]!])
    t.deepEqual(first!.blocks, [{ name: 'a', size: 2 }])
  }
  t.is(blocksOf(twice)[0], twice)
})

test('what does not fit is refused', (t) => {
  const other = fromMatvec(2, (v) => v)
  const cut = { ...A, blocks: [{ name: 'all', size: 3 }] }
  for (const call of [
    () => addOperators(),
    () => addOperators(A, other),
    () => addOperators(A, cut),
    () => addOperators(A, null as never),
    () => scaleOperator(A, Number.NaN),
    () => shiftOperator(A, Number.POSITIVE_INFINITY),
    () => blocksOf(rows as never),
  ]) {
    t.is(code(t.throws(call)), 'ERR_INVALID_ARGUMENT')
  }
})

test('a matrix says how symmetric its products were, and is made symmetric', async (t) => {
  const skew = fromMatvec(2, (v) => Float32Array.of(v[0]! + 3 * v[1]!, 2 * v[0]!))
  const { values, asymmetry, size, passes } = await dense(skew)
  t.deepEqual([...values], [1, 2.5, 2.5, 0])
  t.true(Math.abs(asymmetry - 1 / 3) < 1e-7)
  t.deepEqual([size, passes], [2, 0])
  t.is((await dense(A)).passes, 6)
  t.is(code(await t.throwsAsync(() => dense(fromMatvec(20_000, (v) => v)))), 'ERR_UNSUPPORTED')
  t.is(code(await t.throwsAsync(() => dense(A, { signal: AbortSignal.abort() }))), 'ERR_ABORTED')
  t.is(code(await t.throwsAsync(() => dense(fromMatvec(2, (v) => v.fill(Number.NaN))))), 'ERR_NOT_FINITE')
})

onEachBackend(test, "a model's blocks are the diagonal blocks of its matrix, of each kind of operator", async (t) => {
  const layer = (units: number, seed: number, activation: 'tanh' | 'softmax') =>
    tf.layers.dense({ units, inputShape: [3], activation, kernelInitializer: start(seed) })
  const model = tf.sequential({ layers: [layer(3, 1, 'tanh'), layer(2, 2, 'softmax')] })
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const x = random([5, 3], 3)
  const y = tf.tidy(() => tf.softmax(random([5, 2], 4)))
  for (const operator of [hessian, gaussNewton, fisher]) {
    const [whole, streamed] = [operator(model, x, y), operator(model, [{ xs: x, ys: y }])]
    const { values } = await dense(whole)
    const scale = Math.max(...values.map(Math.abs))
    for (const H of [whole, streamed, scaleOperator(whole, 1)]) {
      let at = 0
      for (const [b, one] of blocksOf(H).entries()) {
        t.deepEqual(one.blocks, [H.blocks![b]!])
        const unit = new Float32Array(one.size)
        unit[0] = 1
        const column = await one.matvec(unit)
        for (const [i, value] of column.entries()) {
          t.true(Math.abs(value - values[(at + i) * H.size + at]!) < 1e-5 * scale)
        }
        at += one.size
      }
      t.is(at, H.size)
    }
  }
  model.dispose()
  tf.dispose([x, y])
})
