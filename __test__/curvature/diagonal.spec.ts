import test from 'ava'
import { diagonal } from '../../src/curvature/diagonal.ts'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { trace } from '../../src/curvature/trace.ts'
import { hessian } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

const n = 50
const matrix = Array.from({ length: n }, (_, i) =>
  Array.from({ length: n }, (_, j) => Math.fround(i === j ? 3 * Math.sin(i) : Math.cos(i * j + i + j) / 3)),
)
const dense = {
  ...fromMatvec(n, (v) => Float32Array.from(matrix, (row) => row.reduce((sum, x, j) => sum + x * v[j]!, 0))),
  passes: 3,
  blocks: [
    { name: 'a', size: 20 },
    { name: 'b', size: 30 },
  ],
}

test('each element is within its error, which is that of its row', async (t) => {
  const found = await diagonal(dense, { probes: 2000 })
  for (const [i, row] of matrix.entries()) {
    const beside = row.reduce((sum, x, j) => sum + (i === j ? 0 : x * x), 0)
    t.true(Math.abs(found.values[i]! - row[i]!) < 4.5 * found.standardErrors[i]!)
    t.true(Math.abs(found.standardErrors[i]! / Math.sqrt(beside / 2000) - 1) < 0.1)
  }
  t.is(found.passes, 6000)
})

test('95 % of the elements lie within Student’s interval', async (t) => {
  let inside = 0
  for (let seed = 0; seed < 100; seed++) {
    const { values, standardErrors } = await diagonal(dense, { probes: 41, seed })
    // t for 40 degrees of freedom.
    for (const [i, row] of matrix.entries()) {
      if (Math.abs(values[i]! - row[i]!) <= 2.021 * standardErrors[i]!) inside++
    }
  }
  t.true(inside / 5000 > 0.935 && inside / 5000 < 0.965, String(inside / 5000))
})

test('its sums are the trace of the same seed, block by block', async (t) => {
  const [found, whole] = [await diagonal(dense, { probes: 16, seed: 4 }), await trace(dense, { probes: 16, seed: 4 })]
  t.deepEqual(found.perLayer, whole.perLayer)
  const sum = found.values.reduce((all, x) => all + x, 0)
  t.true(Math.abs(sum - whole.mean) < 1e-4)
})

test('exact: unit vectors; a diagonal operator is exact under any probes', async (t) => {
  const exact = await diagonal(dense, { method: 'exact' })
  t.deepEqual(
    exact.values,
    Float32Array.from(matrix, (row, i) => row[i]!),
  )
  t.deepEqual(exact.standardErrors, new Float32Array(n))
  t.deepEqual([exact.method, exact.probes, exact.passes], ['exact-diagonal', n, 3 * n])
  const [a] = exact.perLayer
  t.is(a!.standardError, 0)
  t.true(Math.abs(a!.mean - matrix.slice(0, 20).reduce((sum, row, i) => sum + row[i]!, 0)) < 1e-5)
  const plain = await diagonal(fromMatvec(5, (v) => v.map((x, i) => x * (i + 0.1))))
  t.deepEqual(plain.values, Float32Array.of(0.1, 1.1, 2.1, 3.1, 4.1))
  t.deepEqual(plain.standardErrors, new Float32Array(5))
})

onEachBackend(test, 'of a loss on tensors: Σ w⁴ has 12w²', async (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([1, -2, 0.5])))
  const loss = () => tf.tidy(() => tf.sum(tf.square(tf.square(w))) as tf.Scalar)
  const { values } = await diagonal(hessian(loss, { variables: [w] }), { method: 'exact' })
  for (const [i, expected] of [12, 48, 3].entries()) t.true(Math.abs(values[i]! - expected) < 1e-4 * expected)
  w.dispose()
})

test('a signal ends it, with what there is; a product that is not finite is refused', async (t) => {
  const held = loadBinding().nativeBytes()
  for (const [method, partial] of [
    ['hutchinson', 6],
    ['exact', null],
  ] as const) {
    const controller = new AbortController()
    const onProgress = ({ done }: { done: number }) => void (done === 6 && controller.abort())
    const run = diagonal(dense, { method, signal: controller.signal, onProgress })
    const error = await t.throwsAsync(run, { instanceOf: AbortedError })
    t.is((error.partial as { probes: number } | null)?.probes ?? null, partial)
    const broken = fromMatvec(9, (v) => v.map((_, i) => (i === 4 ? Number.NaN : 1)))
    await t.throwsAsync(diagonal(broken, { method }), { code: 'ERR_NOT_FINITE' })
  }
  t.is(loadBinding().nativeBytes(), held)
})

test('exact is for operators that are small', async (t) => {
  const large = fromMatvec(10_001, (v) => v)
  await t.throwsAsync(diagonal(large, { method: 'exact' }), { code: 'ERR_INVALID_ARGUMENT' })
})
