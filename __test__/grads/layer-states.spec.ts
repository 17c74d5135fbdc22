import test from 'ava'
import { adam, type FlatOptimizer, nso, oneSided, sam, sgd, smoothedTrace } from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { around, distance, random, setWeights, start, weightsOf } from '../helpers/training.ts'

const noise = { seed: 4, sigma: 0.2, perturbations: 2 }
const [examples, times] = [2, 3]

interface Recurrent {
  getStates(): tf.Tensor[]
}

/** A stateful layer of 3 units and a dense one; and a reader of the layer's states. */
function recurrent(kind: 'lstm' | 'gru' | 'simpleRNN' = 'lstm'): { model: tf.LayersModel; states(): Float32Array[] } {
  const layer = tf.layers[kind]({
    units: 3,
    stateful: true,
    batchInputShape: [examples, times, 2],
    kernelInitializer: start(1),
    recurrentInitializer: start(2),
  } as never)
  const model = tf.sequential({ layers: [layer, tf.layers.dense({ units: 1, kernelInitializer: start(3) })] })
  const states = () =>
    (layer as unknown as Recurrent).getStates().map((one) => (one.dataSync() as Float32Array).slice())
  return { model, states }
}
const batch = (step: number) => [random([examples, times, 2], 10 + step), random([examples, 1], 20 + step)] as const

/** Gives back a model with what its stateful layer holds. */
function dispose(model: tf.LayersModel): void {
  model.resetStates()
  tf.dispose((model.layers[0] as unknown as Recurrent).getStates())
  model.dispose()
}

const optimizers: [string, () => FlatOptimizer][] = [
  ['sgd', () => sgd()],
  ['nso', () => nso(sgd(), { ...noise, batchNorm: 'clean' })],
  ['one-sided with mixing', () => oneSided(adam(), { ...noise, mixing: 0.3, batchNorm: 'clean' })],
  ['sam', () => sam(sgd(), { rho: 0.3, batchNorm: 'clean' })],
]

for (const [name, make] of optimizers) {
  for (const kind of name === 'nso' ? (['lstm', 'gru', 'simpleRNN'] as const) : (['lstm'] as const)) {
    onEachBackend(
      test,
      `${name}: the state of ${kind} advances once a step, by a pass at W, as in stock`,
      async (t) => {
        const [{ model, states }, twin] = [recurrent(kind), recurrent(kind)]
        const optimizer = make()
        model.compile({ optimizer, loss: 'meanSquaredError' })
        twin.model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError' })
        for (let step = 0; step < 3; step++) {
          if (step === 2) for (const one of [model, twin.model]) one.resetStates()
          setWeights(twin.model, weightsOf(model))
          const [x, y] = batch(step)
          const before = states()
          await model.trainOnBatch(x, y)
          await twin.model.trainOnBatch(x, y)
          t.true(distance(states(), twin.states()) < 1e-6)
          t.true(distance(states(), before) > 0.01, 'it advanced')
          tf.dispose([x, y])
        }
        twin.model.optimizer.dispose()
        optimizer.dispose()
        dispose(model)
        dispose(twin.model)
      },
    )
  }
}

for (const batchNorm of ['last', 're-estimate'] as const) {
  onEachBackend(
    test,
    `batchNorm '${batchNorm}': the state is that of the last pass, from the step's first state`,
    async (t) => {
      const [{ model, states }, twin] = [recurrent(), recurrent()]
      const optimizer = nso(sgd(), { ...noise, batchNorm })
      model.compile({ optimizer, loss: 'meanSquaredError' })
      twin.model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError' })
      for (let step = 0; step < 2; step++) {
        setWeights(twin.model, around(weightsOf(model), { ...noise, step }).at(-1)!)
        const [x, y] = batch(step)
        await model.trainOnBatch(x, y)
        await twin.model.trainOnBatch(x, y)
        t.true(distance(states(), twin.states()) < 1e-5)
        tf.dispose([x, y])
      }
      twin.model.optimizer.dispose()
      optimizer.dispose()
      dispose(model)
      dispose(twin.model)
    },
  )
}

onEachBackend(
  test,
  'own loops too, in training mode or not; a trace leaves the state as it is; memory is flat',
  (t) => {
    const { model, states } = recurrent()
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
    const [x, y] = batch(0)
    for (const training of [true, false]) {
      const optimizer = nso(sgd(), noise)
      const loss = () =>
        tf.tidy(() => tf.losses.meanSquaredError(y, model.apply(x, { training }) as tf.Tensor) as tf.Scalar)
      let held = 0
      for (let step = 0; step < 4; step++) {
        const before = states()
        optimizer.minimize(loss, false, variables)
        t.true(distance(states(), before) > 1e-3)
        if (step > 0) t.is(tf.memory().numTensors, held)
        held = tf.memory().numTensors
      }
      const before = states()
      smoothedTrace(loss, { variables, sigma: 0.1, pairs: 2, seed: 1 })
      t.deepEqual(states(), before)
      t.is(tf.memory().numTensors, held)
      optimizer.dispose()
    }
    tf.dispose([x, y])
    dispose(model)
  },
)

onEachBackend(
  test,
  'a step that fails in any of its passes leaves the state bit-equal, and training goes on',
  async (t) => {
    const { model, states } = recurrent()
    const twin = recurrent()
    let fail = -1
    let pass = 0
    const make = () => nso(sgd(), { ...noise, batchNorm: 'clean' })
    const loss = (y: tf.Tensor, p: tf.Tensor) => {
      if (pass++ === fail) throw new Error('mine')
      return tf.losses.meanSquaredError(y, p)
    }
    const [optimizer, other] = [make(), make()]
    model.compile({ optimizer, loss })
    twin.model.compile({ optimizer: other, loss: 'meanSquaredError' })
    const [x, y] = batch(0)
    await model.trainOnBatch(x, y)
    await twin.model.trainOnBatch(x, y)
    const before = states()
    const { numTensors } = tf.memory()
    for (fail = 0; fail < 5; fail++) {
      pass = 0
      await t.throwsAsync(model.trainOnBatch(x, y), { code: 'ERR_LOSS' })
      t.deepEqual(states(), before)
      t.is(tf.memory().numTensors, numTensors, `pass ${fail}`)
    }
    fail = -1
    await model.trainOnBatch(x, y)
    await twin.model.trainOnBatch(x, y)
    t.deepEqual(states(), twin.states())
    for (const one of [optimizer, other]) one.dispose()
    for (const one of [model, twin.model]) dispose(one)
    tf.dispose([x, y])
  },
)

onEachBackend(
  test,
  'a convolutional layer, and one that a model calls twice, advance as in stock',
  async (t) => {
    const build = () => {
      const input = tf.input({ batchShape: [1, 2, 4, 4, 1] })
      const layer = tf.layers.convLstm2d({
        filters: 1,
        kernelSize: 2,
        padding: 'same',
        returnSequences: true,
        stateful: true,
        kernelInitializer: start(1),
        recurrentInitializer: start(2),
      })
      const twice = layer.apply(layer.apply(input))
      return {
        model: tf.model({ inputs: input, outputs: twice as tf.SymbolicTensor }),
        states: () => (layer as unknown as Recurrent).getStates().map(bits),
        free: () => tf.dispose((layer as unknown as Recurrent).getStates()),
      }
    }
    const [ours, stock] = [build(), build()]
    const optimizer = nso(sgd(), { seed: 1, sigma: 0.1, batchNorm: 'clean' })
    ours.model.compile({ optimizer, loss: 'meanSquaredError' })
    stock.model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    const x = random([1, 2, 4, 4, 1], 1)
    const start0 = ours.states()
    await ours.model.trainOnBatch(x, x)
    await stock.model.trainOnBatch(x, x)
    t.deepEqual(ours.states(), stock.states())
    t.notDeepEqual(ours.states(), start0)
    stock.model.optimizer.dispose()
    optimizer.dispose()
    for (const { model, free } of [ours, stock]) {
      model.resetStates()
      free()
      model.dispose()
    }
    x.dispose()
  },
  ['cpu'],
)
