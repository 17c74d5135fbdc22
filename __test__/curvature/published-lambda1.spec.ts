import test from 'ava'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { type PublishedLambda1, publishedLambda1 } from '../../src/curvature/published-lambda1.ts'

const [layers, width] = [6, 5]
const n = layers * width
/** AAᵀ/n of a matrix of waves: symmetric, none of its eigenvalues negative. */
const factor = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Math.sin(1 + i * i + 3 * i * j)))
const matrix = factor.map((a) => factor.map((b) => a.reduce((sum, x, k) => sum + x * b[k]!, 0) / n))
const times = (rows: number[][], v: ArrayLike<number>) =>
  rows.map((row) => row.reduce((sum, x, j) => sum + x * v[j]!, 0))
const blocks = Array.from({ length: layers }, (_, i) => ({ name: `layer ${i}`, size: width }))
const H = { ...fromMatvec(n, (v) => Float32Array.from(times(matrix, v))), blocks, passes: 3 }

/** λ_max by many steps of the plain power iteration, in doubles. */
function largest(rows: number[][]): number {
  let v: number[] = rows.map((_, i) => 1 + Math.cos(i))
  let norm = 0
  for (let step = 0; step < 20_000; step++) {
    v = times(rows, v)
    norm = Math.hypot(...v)
    v = v.map((x) => x / norm)
  }
  return norm
}

test('it is the sum over layers of a stationary point with every block of length 1, and above λ_max', async (t) => {
  const found = await publishedLambda1(H, { iterations: 3000, tolerance: 0 })
  const top = largest(matrix)
  t.true(Math.abs(found.top!.values[0]! - top) < 1e-4 * top, `${found.top!.values[0]} for ${top}`)
  t.true(found.value >= top && found.value <= layers * top, `${found.value} beside ${top}`)
  const sum = found.perLayer.reduce((total, { value }) => total + value, 0)
  t.true(Math.abs(sum - found.value) < 1e-9 * sum)
  t.deepEqual(
    found.perLayer.map(({ name }) => name),
    blocks.map(({ name }) => name),
  )
  // The same in doubles, and slowly.
  const apart = (v: number[]) => v.map((x, i) => x / Math.hypot(...v.slice(i - (i % width), i - (i % width) + width)))
  let v = apart(matrix.map((_, i) => Math.sin(7 * i + 1)))
  for (let step = 0; step < 20_000; step++) v = apart(times(matrix, v))
  const rival = times(matrix, v).reduce((total, x, i) => total + x * v[i]!, 0)
  t.true(Math.abs(found.value - rival) < 0.05 * rival, `${found.value} beside ${rival}`)
})

test('of one block it is λ_max; of a diagonal it is the sum of the largest in each block', async (t) => {
  const one = await publishedLambda1({ ...H, blocks: [{ name: 'all', size: n }] }, { iterations: 5000 })
  t.true(Math.abs(one.value / one.top!.values[0]! - 1) < 1e-4)
  const diagonal = {
    ...fromMatvec(6, (v) => v.map((x, i) => x * (i + 1))),
    blocks: [2, 4].map((size) => ({ name: '', size })),
  }
  const found = await publishedLambda1(diagonal, { iterations: 500 })
  t.true(Math.abs(found.value - 8) < 1e-4)
  t.true(Math.abs(found.top!.values[0]! - 6) < 1e-4)
  t.true(found.converged && found.iterations < 500)
})

test('products are counted, seeds decide, and a signal ends it with what there is', async (t) => {
  const seen: number[] = []
  const counted = {
    ...H,
    matvec: (v: Float32Array) => {
      seen.push(0)
      return H.matvec(v)
    },
  }
  const untimed = ({ wallMs, ...rest }: PublishedLambda1) => rest
  const found = await publishedLambda1(counted, { iterations: 7, seed: 1 })
  t.is(found.passes, 3 * seen.length)
  t.is(found.iterations, 7)
  t.deepEqual(untimed(await publishedLambda1(H, { iterations: 7, seed: 1 })), untimed(found))
  t.not((await publishedLambda1(H, { iterations: 7, seed: 2 })).value, found.value)
  for (const [last, hasTop] of [
    [3, false],
    [12, true],
  ] as const) {
    const controller = new AbortController()
    const onProgress = ({ done }: { done: number }) => done === last && controller.abort()
    const run = publishedLambda1(H, { iterations: 7, seed: 1, signal: controller.signal, onProgress })
    const { partial } = await t.throwsAsync(run, { instanceOf: AbortedError })
    t.is((partial as PublishedLambda1).iterations, Math.min(7, last))
    t.is((partial as PublishedLambda1).top !== null, hasTop)
  }
})
