import test from 'ava'
import { loadBackend } from '../../src/cli/backend.ts'
import { type Images, prepare } from '../../src/cli/data.ts'
import { runAll } from '../../src/cli/run.ts'
import { type Settings, settingsFor } from '../../src/cli/settings.ts'
import { type Progress, train } from '../../src/cli/train.ts'
import { Turns } from '../../src/cli/turns.ts'
import type { MethodName } from '../../src/report/comparison.ts'

// Small enough for seconds on wasm: 80 images of two easy classes, 16 gradients a method, all in worker threads.
const settings: Settings = {
  ...settingsFor('smoke', 'wasm', 5),
  images: 40,
  testImages: 40,
  gradientEvaluations: 16,
  evaluations: 4,
  batchSize: 16, // 40 images: the last batch of an epoch is smaller
  tracePairs: 2,
}

/** Class 0 is lit at the top, class 1 at the bottom. */
function stripes(count: number): Images {
  const labels = Uint8Array.from({ length: count }, (_, image) => image % 2)
  const pixels = Float32Array.from({ length: count * 784 }, (_, i) =>
    Math.floor((i % 784) / 392) === labels[Math.floor(i / 784)] ? 0.5 + (i % 7) / 14 : 0,
  )
  return { pixels, labels }
}

const task = prepare({ train: stripes(80) }, settings)

function run(
  stop = new Int32Array(new SharedArrayBuffer(4)),
  watch?: (method: MethodName, progress: Progress) => void,
  gradientEvaluations = settings.gradientEvaluations,
) {
  return runAll({
    ...{ backend: 'wasm', task, stop, report: watch ?? (() => {}) },
    settings: { ...settings, gradientEvaluations },
  })
}

test('every method spends the same gradients from the same start, and a run can be repeated', async (t) => {
  const steps = { adam: 0, sam: 0, nso: 0 }
  const first = await run(undefined, (method, progress) => {
    if (progress.kind === 'step') steps[method]++
  })
  t.deepEqual(steps, { adam: 16, sam: 8, nso: 8 })
  const { adam, sam, nso } = first
  for (const method of [adam!, sam!, nso!]) {
    t.deepEqual(
      method.curve.map(({ gradients }) => gradients),
      [0, 4, 8, 12, 16],
    )
    t.deepEqual(method.curve[0], adam!.curve[0])
    t.is(method.finalAccuracy, method.curve.at(-1)!.accuracy)
    t.is(method.steps * method.passesPerStep, 16)
    t.true(method.trace !== null && Number.isFinite(method.trace) && method.traceError! > 0)
    t.true(method.msPerStep > 0)
  }
  t.true(adam!.trainLoss < adam!.curve[0]!.trainLoss)
  t.notDeepEqual(adam!.curve[1], nso!.curve[1])

  // Anew, and without a worker, which is a second to start.
  await loadBackend('wasm')
  const control = { report: () => {}, stopped: () => false, turn: async () => {} }
  t.deepEqual((await train('nso', task, settings, control))!.curve, nso!.curve)
  t.is((await train('sam', task, settings, control))!.trace, sam!.trace)
})

test('ended early: every method is evaluated where it stood', async (t) => {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const reached = { adam: 0, sam: 0, nso: 0 }
  const end = (method: MethodName, progress: Progress) => {
    if (progress.kind === 'step') reached[method] = progress.gradients
    if (Math.min(...Object.values(reached)) >= 4) Atomics.store(stop, 0, 1)
  }
  // More by far than what is done before a busy machine tells of it.
  const results = await run(stop, end, 4000)
  for (const { steps, passesPerStep, curve, trace } of Object.values(results)) {
    t.is(curve.at(-1)!.gradients, steps * passesPerStep)
    t.true(steps * passesPerStep >= 4 && steps * passesPerStep < 4000, `${steps}`)
    t.is(trace, null)
  }
  t.is(Object.keys(results).length, 3)
  t.deepEqual(await run(stop), {}) // ended before it began
})

test('turns: those that have spent the fewest go on, as many as there are lanes', (t) => {
  const turns = new Turns(3, 2)
  const free = () => [0, 1, 2].filter((place) => turns.may(place))
  t.deepEqual(free(), [0, 1])
  turns.spend(0, 2)
  t.deepEqual(free(), [1, 2])
  turns.spend(2, 3)
  t.deepEqual(new Turns(3, 2, turns.words).may(2), false) // another thread sees the same
  turns.leave(1)
  t.deepEqual(free(), [0, 2])
})
