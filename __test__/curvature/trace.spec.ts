import test from 'ava'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { type HutchinsonTrace, trace } from '../../src/curvature/trace.ts'

const untimed = ({ wallMs, ...rest }: HutchinsonTrace) => rest
const code = (error: unknown) => (error as { code?: string } | undefined)?.code

const n = 40
/** Symmetric, with a known trace and sum of squares off the diagonal. */
const matrix = Array.from({ length: n }, (_, i) =>
  Array.from({ length: n }, (_, j) => Math.fround(i === j ? i / 4 : Math.cos(i * j + i + j) / 3)),
)
const truth = matrix.reduce((sum, row, i) => sum + row[i]!, 0)
const off = matrix.flatMap((row, i) => row.filter((_, j) => i !== j)).reduce((sum, x) => sum + x * x, 0)

const dense = {
  ...fromMatvec(n, (v) => Float32Array.from(matrix, (row) => row.reduce((s, x, j) => s + x * v[j]!, 0))),
  passes: 3,
}

test('of a diagonal it is exact, and knows it', async (t) => {
  const H = fromMatvec(5, (v) => v.map((x, i) => x * (i + 0.5)))
  const found = await trace(H, { probes: 3 })
  t.is(found.mean, 12.5)
  t.is(found.standardError, 0)
  t.is(found.method, 'hutchinson')
})

test('95 % intervals cover the truth as often as they say', async (t) => {
  let inside = 0
  const errors: number[] = []
  for (let seed = 0; seed < 400; seed++) {
    const { mean, standardError } = await trace(dense, { probes: 40, seed })
    if (Math.abs(mean - truth) < 1.96 * standardError) inside++
    errors.push(standardError)
  }
  // Two standard deviations of a binomial of 400, and Student's t with 39 degrees instead of the normal.
  t.true(inside / 400 > 0.915 && inside / 400 < 0.975, String(inside / 400))
  const root = Math.sqrt((2 * off) / 40)
  const mean = errors.reduce((sum, x) => sum + x, 0) / errors.length
  t.true(Math.abs(mean / root - 1) < 0.03, String(mean / root))
})

test('blocks sum up to the whole, and equal seeds give equal bits', async (t) => {
  const H = {
    ...dense,
    blocks: [
      { name: 'a', size: 10 },
      { name: 'b', size: 30 },
    ],
  }
  const one = await trace(H, { probes: 8, seed: 5 })
  t.deepEqual(
    one.perLayer.map(({ name }) => name),
    ['a', 'b'],
  )
  t.true(Math.abs(one.perLayer[0]!.mean + one.perLayer[1]!.mean - one.mean) < 1e-9)
  t.deepEqual(untimed(await trace(H, { probes: 8, seed: 5 })), untimed(one))
  t.not((await trace(H, { probes: 8, seed: 6 })).mean, one.mean)
  t.is(one.passes, 24)
})

test('a signal ends it, with what there is', async (t) => {
  const controller = new AbortController()
  const seen: number[] = []
  const run = trace(dense, {
    probes: 10,
    signal: controller.signal,
    onProgress: ({ done, total }) => {
      seen.push(done, total)
      if (done === 4) controller.abort(new Error('enough'))
    },
  })
  const error = await t.throwsAsync(run, { instanceOf: AbortedError })
  t.is(error.code, 'ERR_ABORTED')
  t.is((error.cause as Error).message, 'enough')
  t.deepEqual(untimed(error.partial as HutchinsonTrace), untimed(await trace(dense, { probes: 4 })))
  t.deepEqual(seen, [1, 10, 2, 10, 3, 10, 4, 10])
  const early = await t.throwsAsync(trace(dense, { signal: AbortSignal.abort() }), { instanceOf: AbortedError })
  t.is(early.partial, null)
})

/** Products that are done at once, and take a while. */
const slow = fromMatvec(500, (v) => {
  const until = performance.now() + 2
  while (performance.now() < until);
  return v.map((x, i) => x * (1 + i))
})

for (const [name, run] of Object.entries({
  trace: (signal: AbortSignal) => trace(slow, { probes: 5000, signal }),
  topEigenvalues: (signal: AbortSignal) => topEigenvalues(slow, { steps: 400, tolerance: 1e-30, signal }),
  spectralDensity: (signal: AbortSignal) => spectralDensity(slow, { probes: 100, signal }),
})) {
  test(`a signal that a timer fires arrives in ${name}, though products are done at once`, async (t) => {
    const error = await t.throwsAsync(run(AbortSignal.timeout(40)), { instanceOf: AbortedError })
    t.is((error.cause as Error).name, 'TimeoutError')
  })
}

test('what an operator throws is its own', async (t) => {
  const mine = new RangeError('mine')
  const broken = fromMatvec(3, () => {
    throw mine
  })
  for (const run of [trace, topEigenvalues, spectralDensity]) t.is(await t.throwsAsync(run(broken)), mine)
})

test('an operator whose parts do not fit, and options that are no signal or function, are refused', async (t) => {
  const rows = [
    trace({ ...dense, blocks: [{ name: 'a', size: 10 }] }),
    trace({ ...dense, passes: undefined as never }),
    trace(dense, { onProgress: 1 as never }),
    topEigenvalues(dense, { signal: 5 as never }),
    spectralDensity(dense, { onProgress: {} as never }),
  ]
  for (const run of rows) t.is(code(await t.throwsAsync(run)), 'ERR_INVALID_ARGUMENT')
})

test('products that are none, and bad options, are refused', async (t) => {
  const rows: [string, Promise<unknown>][] = [
    ['ERR_SHAPE', trace(fromMatvec(3, (v) => v.slice(1)))],
    ['ERR_DTYPE', trace(fromMatvec(3, () => [1, 2, 3] as never))],
    ['ERR_INVALID_ARGUMENT', trace(dense, { probes: 1 })],
    ['ERR_INVALID_ARGUMENT', trace(dense, { seed: -1 })],
    ['ERR_INVALID_ARGUMENT', trace(dense, { prober: 1 } as never)],
  ]
  for (const [expected, run] of rows) t.is(code(await t.throwsAsync(run)), expected)
  t.is(code(t.throws(() => fromMatvec(0, (v) => v))), 'ERR_INVALID_ARGUMENT')
  t.is(code(t.throws(() => fromMatvec(3, null as never))), 'ERR_INVALID_ARGUMENT')
})
