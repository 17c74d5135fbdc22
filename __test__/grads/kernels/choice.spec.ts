// A later tfjs, as it may come: kernels registered in the place of the stock ones, some right, some not.
import type { KernelFunc } from '@tensorflow/tfjs-core'
import test from 'ava'
import { Choice, isLater } from '../../../src/grads/kernels/choice.ts'
import { type Replacement, replacements, withKernels } from '../../../src/grads/kernels/index.ts'
import { agrees, samples, trials } from '../../../src/grads/kernels/trials.ts'
import { backends } from '../../helpers/backends.ts'
import { close, runKernel, sizeOf, tf } from './helper.ts'

const nameOf = ({ kernelName, backendName }: Replacement) => `${backendName} ${kernelName}`
const kernelOf = ({ kernelName, backendName }: Replacement) => tf.getKernel(kernelName, backendName)?.kernelFunc

/** The inputs of a trial, as `runKernel` takes them. */
function valuesOf({ inputs, ids = {} }: (typeof trials)[string][number]) {
  const numbers = Object.entries(inputs).map(([name, shape], seed) => [
    name,
    { shape: [...shape], values: [...samples(sizeOf(shape), seed)] },
  ])
  const whole = Object.entries(ids).map(([name, values]) => [
    name,
    { shape: [values.length], values: [...values], dtype: 'int32' as const },
  ])
  return Object.fromEntries([...numbers, ...whole])
}

/** Runs one trial through the registry while saltflat's kernels are installed. */
const runTrial = ({ backendName, kernelName }: Replacement, which = 0) => {
  const trial = trials[kernelName]![which]!
  return runKernel(backendName, 'ours', kernelName, valuesOf(trial), trial.attrs)
}

/** Runs `body` with a kernel of a later tfjs in the row's place, counting its calls. */
async function withLater(
  row: Replacement,
  compute: KernelFunc,
  body: (calls: () => number, later: KernelFunc) => Promise<void>,
) {
  const { kernelName, backendName } = row
  const before = tf.getKernel(kernelName, backendName)
  let calls = 0
  const later: KernelFunc = (params) => {
    calls++
    return compute(params)
  }
  if (before) tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({ kernelName, backendName, kernelFunc: later })
  try {
    await body(() => calls, later)
    // As it was before the kernels were installed, to the function.
    if (kernelOf(row) !== later) throw new Error('Expected the later kernel back in its place.')
  } finally {
    tf.unregisterKernel(kernelName, backendName)
    if (before) tf.registerKernel(before)
  }
}

for (const row of replacements.filter(({ backendName }) => backends.includes(backendName))) {
  test.serial(`${nameOf(row)}: every trial is answered as by TensorFlow`, async (t) => {
    for (const { attrs, ...trial } of trials[row.kernelName]!) {
      const actual = await runKernel(row.backendName, 'ours', row.kernelName, valuesOf({ ...trial, attrs }), attrs)
      // TensorFlow's gradient knows no half-pixel centres here, and wants the maxima too.
      const wrongThere =
        (attrs as { halfPixelCenters?: boolean }).halfPixelCenters || /^MaxPool.*Grad/.test(row.kernelName)
      if (!backends.includes('tensorflow') || wrongThere) continue
      const expected = await runKernel('tensorflow', 'stock', row.kernelName, valuesOf({ ...trial, attrs }), attrs)
      close(t, actual, expected, nameOf(row), 1e-5)
    }
    t.true(trials[row.kernelName]!.length > 0)
  })

  test.serial(`${nameOf(row)}: the trials tell the fault of the stock kernel, and a right one from it`, async (t) => {
    await tf.setBackend(row.backendName)
    const stock = kernelOf(row)
    const { numTensors } = tf.memory()
    const ids = tf.backend().numDataIds()
    if (row.reason === 'missing') t.true(stock === undefined)
    else t.is(agrees(stock!, row, tf.backend()), row.reason === 'slow')
    t.true(agrees(row.kernelFunc, row, tf.backend()))
    t.is(tf.memory().numTensors, numTensors)
    t.is(tf.backend().numDataIds(), ids)
  })

  if (row.reason === 'slow') continue

  test.serial(`${nameOf(row)}: a right kernel of a later tfjs serves, and is tried once`, async (t) => {
    await withLater(row, row.kernelFunc, async (calls, later) => {
      await runTrial(row)
      const tried = trials[row.kernelName]!.length
      t.is(calls(), tried + 1)
      await runTrial(row)
      t.is(calls(), tried + 2)
      withKernels(row.backendName, () => t.is(kernelOf(row), later))
    })
  })

  test.serial(`${nameOf(row)}: a wrong kernel of a later tfjs, and one that throws, are passed over`, async (t) => {
    const last = trials[row.kernelName]!.length - 1
    const expected = await runTrial(row, last)
    const wrong: KernelFunc = (params) => {
      const result = row.kernelFunc(params) as tf.TensorInfo
      return { ...result, shape: [...result.shape].reverse().concat(1) }
    }
    const failing = () => {
      throw new Error('not implemented')
    }
    for (const compute of [wrong, failing])
      await withLater(row, compute, async (calls) => {
        t.deepEqual(await runTrial(row, last), expected)
        const tried = calls()
        t.deepEqual(await runTrial(row, last), expected)
        t.is(calls(), tried, 'tried again')
      })
  })
}

test('what is replaced for speed alone is replaced only in the tfjs that was measured', (t) => {
  const right = () => []
  for (const row of replacements) {
    const choice = new Choice(row)
    t.is(choice.between(undefined, true), 'ours')
    t.is(choice.between(right, false), row.reason === 'slow' ? 'ours' : 'untried')
    t.is(choice.between(right, true), 'untried')
  }
  t.deepEqual(['4.22.0', '4.9.0', '4.22.1', '3.30.0'].map(isLater), [false, false, false, false])
  t.deepEqual(['4.23.0-rc.0', '4.23.0', '5.0.0'].map(isLater), [true, true, true])
})

test.serial('all trials of a backend together cost little', async (t) => {
  for (const backendName of backends) {
    await tf.setBackend(backendName)
    const rows = replacements.filter((row) => row.backendName === backendName && kernelOf(row))
    const cost = () => {
      const begun = performance.now()
      for (const row of rows) agrees(kernelOf(row)!, row, tf.backend())
      return performance.now() - begun
    }
    const first = cost()
    const best = Math.min(...Array.from({ length: 9 }, cost))
    t.log(`${backendName}: ${rows.length} kernels in ${first.toFixed(1)} ms, once compiled in ${best.toFixed(1)} ms`)
    t.true(best < 50)
  }
})
