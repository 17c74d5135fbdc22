import test from 'ava'
import {
  adam,
  curvature,
  hessian,
  nso,
  type Sharpness,
  type SharpnessOptions,
  sharpness,
  topEigenvalues,
  trace,
} from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

/** With a BatchNorm and a dropout, whose state a measurement must leave alone. */
function network(optimizer: tf.Optimizer = tf.train.adam(0.01)): tf.LayersModel {
  const dense = (units: number, seed: number, options = {}) =>
    tf.layers.dense({ units, kernelInitializer: start(seed), activation: 'tanh', ...options })
  const layers = [
    ...[dense(5, 1, { inputShape: [3] }), tf.layers.batchNormalization(), tf.layers.dropout({ rate: 0.2, seed: 3 })],
    dense(1, 2),
  ]
  const model = tf.sequential({ layers })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  return model
}

interface Trained {
  history: Record<string, number[]>
  weights: Float32Array[]
}

type Watch = (model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor) => Promise<void>

async function train(
  options: Partial<SharpnessOptions> | null,
  epochs = 2,
  others: tf.CustomCallback[] = [],
  watch?: Watch,
): Promise<Trained> {
  const model = network()
  const [x, y] = [random([12, 3], 1), random([12, 1], 2)]
  const measures = options === null ? [] : [sharpness({ data: [x, y], ...options })]
  const watching = new tf.CustomCallback({ onEpochEnd: async () => watch?.(model, x, y) })
  const callbacks = [...others, ...measures, watching]
  const { history } = await model.fit(x, y, { batchSize: 4, epochs, verbose: 0, shuffle: false, callbacks })
  const trained = { history, weights: weightsOf(model) } as Trained
  tf.dispose([x, y])
  model.optimizer.dispose()
  model.dispose()
  return trained
}

const names = ['trace', 'traceError', 'lambdaMax', 'lambdaMaxResidual', 'lambdaMax2', 'lambdaMax2Residual']
const ours = { seed: 5, trace: { probes: 4 }, topEigenvalues: { count: 2 } } as const

onEachBackend(
  test,
  'history has what trace and topEigenvalues give at the end of each epoch; training goes on as without, to the bit',
  async (t) => {
    const [seen, direct]: [Sharpness[], unknown[]] = [[], []]
    const measured = { ...ours, onMeasure: (one: Sharpness) => seen.push(one) }
    const { history, weights } = await train(measured, 2, [], async (model, x, y) => {
      const H = hessian(model, x, y)
      const { mean, standardError } = await trace(H, { probes: 4, seed: 5 })
      const { values, residuals } = await topEigenvalues(H, { count: 2, seed: 5 })
      direct.push([mean, standardError, values[0], residuals[0], values[1], residuals[1]])
    })
    t.deepEqual(Object.keys(history), ['loss', ...names])
    t.deepEqual(
      [0, 1].map((epoch) => names.map((name) => history[name]![epoch])),
      direct as number[][],
    )
    t.is(new Set(history.trace).size, 2)
    t.deepEqual(
      seen.map(({ epoch }) => epoch),
      [0, 1],
    )
    for (const { trace: traced, topEigenvalues: top, passes, wallMs } of seen) {
      t.is(passes, traced!.passes + top!.passes)
      t.is(traced!.perLayer.length, 6)
      t.true(wallMs > 0)
    }
    const alone = await train(null)
    t.deepEqual(weights, alone.weights)
    t.deepEqual(history.loss, alone.history.loss)
  },
)

onEachBackend(test, 'of a linear model, the trace and the top eigenvalue of 2/n XᵀX', async (t) => {
  const x = tf.tensor2d([3, 0, 0, 2, -3, 0, 0, 2], [4, 2])
  const y = tf.ones([4, 1])
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, useBias: false, inputShape: [2] })] })
  model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' })
  const dataset = tf.data.zip({
    xs: tf.data.array(x.arraySync() as number[][]),
    ys: tf.data.array(y.arraySync() as number[][]),
  })
  const callbacks = sharpness({ data: [x, y], topEigenvalues: { count: 2 } })
  const { history } = await model.fitDataset(dataset.batch(2), { epochs: 2, verbose: 0, callbacks })
  // XᵀX = diag(18, 8), and probes of ±1 are exact on a diagonal.
  const close = (name: string, expected: number) => {
    for (const value of history[name] as number[]) t.true(Math.abs(value - expected) < 1e-5, `${name}: ${value}`)
  }
  close('trace', 13)
  close('traceError', 0)
  close('lambdaMax', 9)
  close('lambdaMax2', 4)
  model.optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
})

test.serial(
  'every so many epochs and after the last; the others have NaN, as has an eigenvalue that is not there',
  async (t) => {
    const measured = async (epochs: number, options: Partial<SharpnessOptions>, others: tf.CustomCallback[] = []) =>
      (await train({ trace: { probes: 2 }, topEigenvalues: false, ...options }, epochs, others)).history.trace!.map(
        Number.isFinite,
      )
    t.deepEqual(await measured(5, { every: 2 }), [false, true, false, true, true])
    t.deepEqual(await measured(2, { every: 100 }), [false, true])
    let model: tf.LayersModel
    const stop = new tf.CustomCallback({
      onEpochEnd: async (epoch) => {
        if (epoch === 2) model.stopTraining = true
      },
    })
    stop.setModel = (one) => {
      model = one as tf.LayersModel
    }
    t.deepEqual(await measured(9, { every: 9 }, [stop]), [false, false, true])
    const { history } = await train({
      trace: false,
      topEigenvalues: { which: 'smallest' },
      filter: 'bias',
      prefix: 'b/',
    })
    t.deepEqual(Object.keys(history), ['loss', 'b/lambdaMin', 'b/lambdaMinResidual'])
    const both = await train({ trace: false, topEigenvalues: { which: 'both', count: 3 }, filter: 'bias' })
    t.deepEqual(
      Object.keys(both.history).filter((key) => !key.endsWith('Residual')),
      ['loss', 'lambdaMax', 'lambdaMax2', 'lambdaMin'],
    )
  },
)

test.serial('what fails ends the training with a typed error, and leaves no tensor', async (t) => {
  tf.disposeVariables()
  const before = tf.memory().numTensors
  const gone = tf.ones([2, 3])
  gone.dispose()
  // Data is looked at before training begins, the rest by the first measurement.
  const wrong: [Partial<SharpnessOptions>, string, number][] = [
    [{ data: [gone, gone] }, 'ERR_DISPOSED', 0],
    [{ filter: 'nothing' }, 'ERR_INVALID_ARGUMENT', 1],
    [{ signal: AbortSignal.abort() }, 'ERR_ABORTED', 1],
    [{ topEigenvalues: { count: 1000 } }, 'ERR_INVALID_ARGUMENT', 1],
  ]
  for (const [options, code, spent] of wrong) {
    const model = network()
    const [x, y] = [random([12, 3], 1), random([12, 1], 2)]
    let epochs = 0
    const counting = new tf.CustomCallback({
      onEpochEnd: async () => {
        epochs++
      },
    })
    const callbacks = [sharpness({ data: [x, y], every: 2, ...options }), counting]
    await t.throwsAsync(model.fit(x, y, { epochs: 4, verbose: 0, callbacks }), { code })
    t.is(epochs, spent)
    model.optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  }
  tf.disposeVariables()
  t.is(tf.memory().numTensors, before)
})

test.serial('beside curvature, which logs the smoothed trace, it wants a prefix', async (t) => {
  const [x, y] = [random([12, 3], 1), random([12, 1], 2)]
  const optimizer = nso(adam(), { sigma: 0.01, seed: 1 })
  const model = network(optimizer)
  const once = (options: object) => {
    const callbacks = [curvature(optimizer), sharpness({ data: [x, y], topEigenvalues: false, ...options })]
    return model.fit(x, y, { epochs: 1, verbose: 0, callbacks })
  }
  await t.throwsAsync(once({}), { code: 'ERR_STATE', message: /^Expected no trace in the logs yet, .* prefix/ })
  const { history } = await once({ prefix: 'exact/' })
  t.deepEqual(Object.keys(history), ['loss', 'trace', 'traceError', 'exact/trace', 'exact/traceError'])
  model.dispose()
  optimizer.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'the Hessian is checked once a model, and not at all where that is not wanted', async (t) => {
  let calls = 0
  const made = () => {
    const model = network()
    const loss = (target: tf.Tensor, output: tf.Tensor) => {
      calls++
      return tf.mean(tf.square(tf.sub(target, output)), -1)
    }
    model.compile({ optimizer: tf.train.sgd(0.01), loss })
    return model
  }
  const [x, y] = [random([12, 3], 1), random([12, 1], 2)]
  const models = [made(), made()]
  for (const check of [undefined, true, false]) {
    const spent: number[] = []
    const onMeasure = () => void spent.push(calls)
    const only = { topEigenvalues: false, trace: { probes: 2 } } as const
    const watch = sharpness({ data: [x, y], ...only, onMeasure, ...(check === undefined ? {} : { check }) })
    const onEpochEnd = async () => {
      calls = 0
    }
    const begin = new tf.CustomCallback({ onEpochEnd })
    for (const model of models) {
      await model.fit(x, y, { epochs: 3, verbose: 0, callbacks: [begin, watch] })
    }
    const [first, second, third, ...other] = spent as [number, number, number, ...number[]]
    if (check === false) t.is(first, second)
    else t.true(first > second + 5, `${spent}`)
    t.is(third, second)
    t.deepEqual(other, [first, second, third])
  }
  for (const model of models) {
    model.optimizer.dispose()
    model.dispose()
  }
  tf.dispose([x, y])
})
