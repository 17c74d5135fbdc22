import test from 'ava'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { type HutchinsonTrace, trace } from '../../src/curvature/trace.ts'
import { loadBinding } from '../../src/native/index.ts'

const untimed = ({ wallMs, ...rest }: HutchinsonTrace) => rest

const n = 120
const wave = (i: number, j: number) => Math.sin(1 + 3 * i + 7 * j + i * j)
/** Σ λₖ·uₖuₖᵀ with λₖ = 100/k² and waves u that are not orthogonal: few directions make up most of it. */
const matrix = Array.from({ length: n }, (_, i) =>
  Float64Array.from({ length: n }, (_, j) => {
    let sum = 0
    for (let k = 1; k <= 40; k++) sum += (100 / k ** 2 / n) * wave(i, k) * wave(j, k)
    return sum
  }),
)
const traceFrom = (from: number, to: number) => matrix.slice(from, to).reduce((sum, row, i) => sum + row[from + i]!, 0)
const truth = traceFrom(0, n)
const dense = {
  ...fromMatvec(n, (v) => Float32Array.from(matrix, (row) => row.reduce((sum, x, j) => sum + x * v[j]!, 0))),
  passes: 3,
  blocks: [
    { name: 'a', size: 50 },
    { name: 'b', size: 70 },
  ],
}

test('on a spectrum that falls, far closer than Hutchinson for the same products, and it knows', async (t) => {
  const rows = await Promise.all(
    Array.from({ length: 30 }, async (_, seed) => {
      const [old, better] = [
        await trace(dense, { probes: 36, seed }),
        await trace(dense, { probes: 36, seed, method: 'hutch++' }),
      ]
      t.is(better.probes, 36)
      t.is(better.passes, 108)
      t.is(better.method, 'hutch++')
      return [old, better].map(({ mean, standardError }) => [(mean - truth) ** 2, standardError ** 2])
    }),
  )
  const root = (which: 0 | 1, what: 0 | 1) => Math.sqrt(rows.reduce((sum, row) => sum + row[which]![what]!, 0) / 30)
  t.true(root(1, 0) < root(0, 0) / 10, `${root(1, 0)} ${root(0, 0)}`)
  // What it says of itself is of the size of what it is off by.
  t.true(root(1, 1) / root(1, 0) > 0.6 && root(1, 1) / root(1, 0) < 1.7, `${root(1, 1)} ${root(1, 0)}`)
})

test('blocks are theirs, and sum up to the whole', async (t) => {
  const found = await trace(dense, { probes: 60, method: 'hutch++', seed: 3 })
  const [a, b] = found.perLayer
  t.true(Math.abs(a!.mean + b!.mean - found.mean) < 1e-9)
  t.true(Math.abs(a!.mean - traceFrom(0, 50)) < 4 * a!.standardError)
  t.true(Math.abs(b!.mean - traceFrom(50, n)) < 4 * b!.standardError)
})

test('a matrix of low rank, and a sketch that spans everything, are exact', async (t) => {
  const u = Float32Array.from({ length: 30 }, (_, i) => Math.sin(i))
  const square = u.reduce((sum, x) => sum + x * x, 0)
  const one = fromMatvec(30, (v) => {
    const dot = u.reduce((sum, x, i) => sum + x * v[i]!, 0)
    return u.map((x) => x * dot)
  })
  const low = await trace(one, { probes: 12, method: 'hutch++' })
  t.true(Math.abs(low.mean - square) < 1e-4 * square, `${low.mean} ${square}`)
  t.true(low.standardError < 1e-5 * square)
  const all = await trace(
    fromMatvec(3, (v) => Float32Array.of(2 * v[0]! + v[1]!, v[0]! + v[1]!, -v[2]!)),
    { probes: 30, method: 'hutch++', tolerance: 0.1 },
  )
  t.true(Math.abs(all.mean - 2) < 1e-5)
  t.is(all.standardError, 0)
  t.is(all.probes, 6)
  t.true(all.converged)
  t.deepEqual(all.interval95, [all.mean, all.mean])
  const nothing = await trace(
    fromMatvec(9, (v) => v.map(() => 0)),
    { probes: 9, method: 'hutch++' },
  )
  t.is(nothing.mean, 0)
  t.is(nothing.bytes, 256)
})

test('a sketch of s vectors holds s + 1 of them; equal seeds give equal bits', async (t) => {
  const one = await trace(dense, { probes: 31, method: 'hutch++', seed: 5 })
  t.is(one.bytes, 11 * 128 * 4)
  t.deepEqual(untimed(await trace(dense, { probes: 31, method: 'hutch++', seed: 5 })), untimed(one))
  t.not((await trace(dense, { probes: 31, method: 'hutch++', seed: 6 })).mean, one.mean)
  t.is((await trace(dense)).bytes, 0)
})

test('normal probes: their own variance, the same truth', async (t) => {
  const square = matrix.reduce((sum, row) => sum + row.reduce((all, x) => all + x * x, 0), 0)
  const found = await trace(dense, { probes: 4000, distribution: 'gaussian' })
  t.true(Math.abs(found.mean - truth) < 4 * found.standardError)
  t.true(Math.abs(found.standardError / Math.sqrt((2 * square) / 4000) - 1) < 0.1)
})

test('a tolerance stops it early, and only then does it say whether it converged', async (t) => {
  const loose = await trace(dense, { probes: 5000, tolerance: 0.1 })
  t.true(loose.converged)
  t.true(loose.probes >= 10 && loose.probes < 1000, String(loose.probes))
  t.true(loose.standardError <= 0.1 * Math.abs(loose.mean))
  const before = await trace(dense, { probes: loose.probes - 1, tolerance: 0.1 })
  t.false(before.converged)
  t.is((await trace(dense, { probes: 12 })).converged, null)
  const hutch = await trace(dense, { probes: 60, method: 'hutch++', tolerance: 0.1 })
  t.is(hutch.probes, 50)
})

test('a signal ends it in the sketch with nothing, after it with what there is', async (t) => {
  for (const [after, probes] of [
    [5, null],
    [10, 10],
  ] as const) {
    const controller = new AbortController()
    const run = trace(dense, {
      probes: 12,
      method: 'hutch++',
      signal: controller.signal,
      onProgress: ({ done }) => void (done === after && controller.abort()),
    })
    const error = await t.throwsAsync(run, { instanceOf: AbortedError })
    t.is((error.partial as HutchinsonTrace | null)?.probes ?? null, probes)
  }
})

test.serial('a product that is not finite is refused, and leaves no memory behind', async (t) => {
  const held = loadBinding().nativeBytes()
  for (const method of ['hutchinson', 'hutch++'] as const) {
    for (const bad of [Number.NaN, Infinity]) {
      let products = 0
      const broken = fromMatvec(9, (v) => v.map((x, i) => (i === 4 && ++products === 5 ? bad : x * i)))
      await t.throwsAsync(trace(broken, { method, probes: 9 }), { code: 'ERR_NOT_FINITE' })
    }
  }
  t.is(loadBinding().nativeBytes(), held)
})
