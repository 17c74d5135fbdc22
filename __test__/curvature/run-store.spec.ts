import test from 'ava'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec, type Operator } from '../../src/curvature/operator.ts'
import type { RunState, RunStore } from '../../src/curvature/run-store.ts'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { type TraceOptions, trace } from '../../src/curvature/trace.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

/** Eigenvalues that repeat, close ones, and a bulk: a run that restarts, locks and starts anew. */
const values = Float32Array.from({ length: 700 }, (_, i) => (i < 9 ? 5 - Math.floor(i / 3) : Math.cos(i)))
const diagonal: Operator = { ...fromMatvec(700, (v) => v.map((x, i) => x * values[i]!)), passes: 3 }
const blocks = [
  { name: 'a', size: 9 },
  { name: 'b', size: 691 },
]

/** Like a file: what is loaded shares nothing with what was saved. */
function memory(every = 1): RunStore & { saved: string[] } {
  const saved: string[] = []
  return {
    every,
    saved,
    load: () => (saved.length === 0 ? null : unpacked(saved.at(-1)!)),
    save: async ({ vectors, ...rest }) => {
      saved.push(JSON.stringify({ ...rest, vectors: vectors.map((one) => [...one]) }))
    },
  }
}

function unpacked(text: string): RunState {
  const { vectors, ...rest } = JSON.parse(text)
  return { ...rest, vectors: vectors.map((one: number[]) => Float32Array.from(one)) }
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
        ...{ count: 6, basis: 18, vectors: true, seed: 2 },
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
  const options = { count: 6, basis: 18 }
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
