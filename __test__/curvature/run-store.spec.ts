import test from 'ava'
import { diagonal as diagonalOf } from '../../src/curvature/diagonal.ts'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec, type Operator } from '../../src/curvature/operator.ts'
import type { RunState, RunStore } from '../../src/curvature/run-store.ts'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { type TraceOptions, trace } from '../../src/curvature/trace.ts'
import { traceOf } from '../../src/curvature/trace-of.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

/** Eigenvalues that repeat, close ones, and a bulk: a run that restarts, locks and starts anew. */
const values = Float32Array.from({ length: 700 }, (_, i) => (i < 9 ? 5 - Math.floor(i / 3) : Math.cos(i)))
const diagonal: Operator = { ...fromMatvec(700, (v) => v.map((x, i) => x * values[i]!)), passes: 3 }
const blocks = [
  { name: 'a', size: 9 },
  { name: 'b', size: 691 },
]

/** Not diagonal: probes of ±1 are exact for what is. */
const reflected: Operator = {
  ...fromMatvec(700, (v) => v.map((x, i) => x * values[i]! + v[699 - i]! / 3)),
  ...{ passes: 3, blocks },
}
const small: Operator = { ...fromMatvec(35, (v) => v.map((x, i) => x / (i + 1) + v[34 - i]!)), passes: 3 }

/** Like a file: what is loaded shares nothing with what was saved. */
function memory(every = 1): RunStore & { saved: string[] } {
  const saved: string[] = []
  return {
    every,
    saved,
    load: () => (saved.length === 0 ? null : unpacked(saved.at(-1)!)),
    save: async ({ vectors, ...rest }) => {
      const wide = vectors.map((one) => one instanceof Float64Array)
      saved.push(JSON.stringify({ ...rest, wide, vectors: vectors.map((one) => [...one]) }))
    },
  }
}

function unpacked(text: string): RunState {
  const { vectors, wide, ...rest } = JSON.parse(text)
  const typed = (one: number[], i: number) => (wide[i] ? Float64Array : Float32Array).from(one)
  return { ...rest, vectors: vectors.map(typed) }
}

/** A store that has only this. */
const holding = (text: string): RunStore => ({ every: 1e6, load: () => unpacked(text), save: () => {} })

const timeless = ({ wallMs, ...rest }: { wallMs: number; bytes?: number }) => ({ ...rest, bytes: 0 })

type Run = (checkpoint?: RunStore, signal?: AbortSignal) => Promise<{ wallMs: number }>

const traced =
  (options: TraceOptions): Run =>
  (checkpoint, signal) =>
    trace(
      { ...diagonal, blocks },
      // Of normal probes, as those of ±1 are exact for a diagonal.
      {
        ...{ ...options, distribution: 'gaussian', seed: 3 },
        ...(checkpoint && { checkpoint }),
        ...(signal && { signal }),
      },
    )

const algorithms: [string, Run][] = [
  ['trace', traced({ probes: 40 })],
  ['trace to a tolerance', traced({ probes: 1000, tolerance: 0.09 })],
  ['trace by hutch++', traced({ method: 'hutch++', probes: 40 })],
  [
    'topEigenvalues',
    (checkpoint, signal) =>
      topEigenvalues(diagonal, {
        ...{ count: 6, basis: 20, vectors: true, seed: 2 },
        ...(checkpoint && { checkpoint }),
        ...(signal && { signal }),
      }),
  ],
  [
    'traceOf',
    (checkpoint, signal) =>
      traceOf(diagonal, Math.exp, {
        ...{ probes: 3, steps: 12, distribution: 'gaussian', seed: 4 },
        ...(checkpoint && { checkpoint }),
        ...(signal && { signal }),
      }),
  ],
  [
    'diagonal',
    (checkpoint, signal) =>
      diagonalOf(reflected, {
        ...{ probes: 40, seed: 6 },
        ...(checkpoint && { checkpoint }),
        ...(signal && { signal }),
      }),
  ],
  [
    'diagonal, exact',
    (checkpoint, signal) =>
      diagonalOf(small, {
        method: 'exact',
        ...(checkpoint && { checkpoint }),
        ...(signal && { signal }),
      }),
  ],
  [
    'spectralDensity',
    (checkpoint, signal) =>
      spectralDensity(diagonal, {
        ...{ probes: 3, steps: 12, points: 50 },
        ...(checkpoint && { checkpoint }),
        ...(signal && { signal }),
      }),
  ],
]

for (const [name, run] of algorithms) {
  test(`${name}: a run that was ended after any product goes on to the bit`, async (t) => {
    const store = memory()
    const whole = timeless(await run(store))
    t.deepEqual(timeless(await run()), whole)
    t.true(store.saved.length > 30, String(store.saved.length))
    for (const moment of store.saved) t.deepEqual(timeless(await run(holding(moment))), whole)
  })

  test(`${name}: a signal saves what there is, and the same call goes on`, async (t) => {
    const store = memory(1000)
    const whole = timeless(await run())
    let products = 0
    for (;;) {
      const controller = new AbortController()
      const before = store.saved.length
      const stop = setTimeout(() => controller.abort(), 1)
      try {
        t.deepEqual(timeless(await run(store, controller.signal)), whole)
        break
      } catch (error) {
        t.true(error instanceof AbortedError, String(error))
        const [, done] = /after (\d+) products/.exec(String(error))!
        t.true(Number(done) >= products)
        t.true(store.saved.length >= before)
        products = Number(done)
        controller.abort()
      } finally {
        clearTimeout(stop)
      }
      if (products > 10) {
        t.deepEqual(timeless(await run(store)), whole)
        break
      }
    }
  })
}

test('more products, and more probes, than there were to be at first', async (t) => {
  const store = memory()
  const options = { count: 6, basis: 20 }
  const short = await topEigenvalues(diagonal, { ...options, steps: 10, checkpoint: store })
  t.false(short.complete)
  const long = timeless(await topEigenvalues(diagonal, { ...options, checkpoint: store }))
  t.deepEqual(long, timeless(await topEigenvalues(diagonal, options)))
  const other = memory(7)
  await spectralDensity(diagonal, { probes: 2, steps: 12, checkpoint: other })
  const more = timeless(await spectralDensity(diagonal, { probes: 4, steps: 12, checkpoint: other }))
  t.deepEqual(more, timeless(await spectralDensity(diagonal, { probes: 4, steps: 12 })))
  const third = memory(3)
  const normal = { distribution: 'gaussian', seed: 5 } as const
  await trace(diagonal, { ...normal, probes: 10, checkpoint: third })
  const better = timeless(await trace(diagonal, { ...normal, probes: 32, tolerance: 1e-9, checkpoint: third }))
  t.deepEqual(better, timeless(await trace(diagonal, { ...normal, probes: 32, tolerance: 1e-9 })))
  const fourth = memory(5)
  await diagonalOf(reflected, { probes: 11, checkpoint: fourth })
  const surer = timeless(await diagonalOf(reflected, { probes: 20, checkpoint: fourth }))
  t.deepEqual(surer, timeless(await diagonalOf(reflected, { probes: 20 })))
})

test('traceOf goes on with another function, and with more probes', async (t) => {
  const store = memory()
  const run = { steps: 8, seed: 5, distribution: 'gaussian' } as const
  await traceOf(diagonal, Math.exp, { ...run, probes: 3, checkpoint: store })
  const square = (x: number) => x * x
  const more = timeless(await traceOf(diagonal, square, { ...run, probes: 5, checkpoint: store }))
  t.deepEqual(more, timeless(await traceOf(diagonal, square, { ...run, probes: 5 })))
  const refused = traceOf(diagonal, Math.log, { ...run, probes: 5, checkpoint: store })
  t.is(code(await t.throwsAsync(refused)), 'ERR_NOT_FINITE')
})

test('a checkpoint of another run, or none at all, is refused', async (t) => {
  const store = memory()
  await topEigenvalues(diagonal, { checkpoint: store })
  const last = store.saved.at(-1)!
  for (const options of [{ count: 2 }, { seed: 1 }, { which: 'both' as const }, { basis: 30 }]) {
    const run = topEigenvalues(diagonal, { ...options, checkpoint: holding(last) })
    t.is(code(await t.throwsAsync(run)), 'ERR_STATE', JSON.stringify(options))
  }
  t.is(code(await t.throwsAsync(spectralDensity(diagonal, { checkpoint: holding(last) }))), 'ERR_STATE')
  t.is(code(await t.throwsAsync(trace(diagonal, { checkpoint: holding(last) }))), 'ERR_STATE')
  for (const method of ['hutchinson', 'exact'] as const) {
    const sums = memory()
    await diagonalOf(small, { method, checkpoint: sums })
    const state = unpacked(sums.saved.at(-1)!)
    for (const [operator, options] of [
      [small, { method, seed: 1 }],
      [small, { method: method === 'exact' ? 'hutchinson' : 'exact' }],
      [diagonal, { method }],
      [
        {
          ...small,
          blocks: [
            { name: 'a', size: 5 },
            { name: 'b', size: 30 },
          ],
        },
        { method },
      ],
    ] as const) {
      const run = diagonalOf(operator, { ...options, checkpoint: holding(sums.saved.at(-1)!) })
      t.is(code(await t.throwsAsync(run)), 'ERR_STATE', JSON.stringify(options))
    }
    for (const vectors of [
      [],
      [...state.vectors, new Float64Array(35)],
      state.vectors.map((one) => one.slice(1)),
      state.vectors.map((one) => Float32Array.from(one)),
      [null, 1] as never,
    ]) {
      const checkpoint: RunStore = { every: 1, load: () => ({ ...state, vectors }), save: () => {} }
      t.is(code(await t.throwsAsync(diagonalOf(small, { method, checkpoint }))), 'ERR_INVALID_ARGUMENT')
    }
  }
  const nodes = memory()
  await traceOf(diagonal, Math.exp, { probes: 2, steps: 8, checkpoint: nodes })
  const node = nodes.saved.at(-1)!
  for (const options of [{ steps: 9 }, { seed: 1 }, { distribution: 'gaussian' as const }]) {
    const run = traceOf(diagonal, Math.exp, { probes: 2, steps: 8, ...options, checkpoint: holding(node) })
    t.is(code(await t.throwsAsync(run)), 'ERR_STATE', JSON.stringify(options))
  }
  const other = memory()
  const sketched = { method: 'hutch++', probes: 12 } as const
  await trace(diagonal, { ...sketched, checkpoint: other })
  const sample = other.saved.at(-1)!
  for (const options of [
    { ...sketched, probes: 15 },
    { ...sketched, seed: 1 },
    { ...sketched, distribution: 'gaussian' as const },
    { probes: 12 },
  ]) {
    const run = trace(diagonal, { ...options, checkpoint: holding(sample) })
    t.is(code(await t.throwsAsync(run)), 'ERR_STATE', JSON.stringify(options))
  }
  const parted = trace({ ...diagonal, blocks }, { ...sketched, checkpoint: holding(sample) })
  t.is(code(await t.throwsAsync(parted)), 'ERR_STATE')
  const bare: RunStore = { every: 1, load: () => ({ ...unpacked(sample), vectors: [] }), save: () => {} }
  t.is(code(await t.throwsAsync(trace(diagonal, { ...sketched, checkpoint: bare }))), 'ERR_INVALID_ARGUMENT')
  const spoilt: RunState[] = [
    { ...unpacked(last), vectors: [] },
    { ...unpacked(last), vectors: [[1]] as never },
  ]
  for (const state of spoilt) {
    const checkpoint: RunStore = { every: 1, load: () => state, save: () => {} }
    await t.throwsAsync(topEigenvalues(diagonal, { checkpoint }))
  }
  const full: RunStore = { every: 1, load: () => null, save: () => Promise.reject(new Error('disk full')) }
  await t.throwsAsync(topEigenvalues(diagonal, { checkpoint: full }), { message: 'disk full' })
})
