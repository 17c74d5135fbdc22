import test from 'ava'
import { adam, type FlatOptimizer, momentum, nso, sam, sgd } from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { copyOf, disposeAll } from '../helpers/state.ts'
import { distance, entries, random, setWeights, start, weightsOf } from '../helpers/training.ts'

const noise = { seed: 9, sigma: 0.05, perturbations: 2 }
const rate = { learningRate: 0.5 }

type Constraint = NonNullable<Parameters<typeof tf.layers.dense>[0]['kernelConstraint']>

/** 4 → 3 with a constrained kernel → 1. */
function constrained(kernelConstraint?: Constraint): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({
        units: 3,
        inputShape: [4],
        kernelInitializer: start(1),
        ...(kernelConstraint === undefined ? {} : { kernelConstraint }),
      }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
}
const columns = (kernel: Float32Array) =>
  [0, 1, 2].map((unit) => Math.hypot(...[0, 1, 2, 3].map((row) => kernel[3 * row + unit]!)))
const close = (a: number, b: number) => Math.abs(a - b) < 1e-5

/** Each constraint, with what a kernel that obeys it looks like. */
const kinds: [string, Constraint, (kernel: Float32Array) => boolean][] = [
  ['nonNeg', 'nonNeg', (kernel) => kernel.every((value) => value >= 0)],
  ['unitNorm', tf.constraints.unitNorm({ axis: 0 }), (kernel) => columns(kernel).every((norm) => close(norm, 1))],
  [
    'maxNorm',
    tf.constraints.maxNorm({ maxValue: 0.3, axis: 0 }),
    (kernel) => columns(kernel).every((norm) => norm < 0.3 + 1e-5),
  ],
  [
    'minMaxNorm',
    tf.constraints.minMaxNorm({ minValue: 0.4, maxValue: 0.5, axis: 0 }),
    (kernel) => columns(kernel).every((norm) => norm > 0.4 - 1e-5 && norm < 0.5 + 1e-5),
  ],
]
const data = () => [random([8, 4], 10), random([8, 1], 11)] as const

for (const [name, constraint, obeys] of kinds) {
  for (const [entry, step] of entries) {
    onEachBackend(test, `${entry}: ${name} holds after each update, and the next goes on from there`, async (t) => {
      const [model, free] = [constrained(constraint), constrained()]
      const [optimizer, plain] = [nso(momentum(rate), noise), nso(momentum(rate), noise)]
      model.compile({ optimizer, loss: 'meanSquaredError' })
      free.compile({ optimizer: plain, loss: 'meanSquaredError' })
      const [x, y] = data()
      const layer = model.layers[0] as unknown as { kernelConstraint: { apply(w: tf.Tensor): tf.Tensor } }
      for (let i = 0; i < 3; i++) {
        // The same step without constraint, from the same weights, then the constraint by hand.
        setWeights(free, weightsOf(model))
        await step(model, x, y)
        await step(free, x, y)
        const kernel = tf.tidy(() => layer.kernelConstraint.apply(free.getWeights()[0]!).dataSync().slice())
        t.false(obeys(weightsOf(free)[0]!), 'it would not hold by itself')
        t.true(obeys(weightsOf(model)[0]!))
        const expected = [kernel as Float32Array, ...weightsOf(free).slice(1)]
        t.true(distance(weightsOf(model), expected) < 1e-5)
      }
      for (const one of [optimizer, plain, model, free]) one.dispose()
      tf.dispose([x, y])
    })
  }
}

/** How weights come back, and the constraint of the run. */
const returns: [string, Constraint, (model: tf.LayersModel, values: tf.Tensor[]) => void][] = [
  // As loading a file does, which applies constraints once more: nonNeg finds nothing to do.
  ['nonNeg, weights set', 'nonNeg', (model, values) => model.setWeights(values)],
  [
    'unitNorm, weights assigned',
    tf.constraints.unitNorm({ axis: 0 }),
    (model, values) =>
      model.trainableWeights.forEach((weight, i) => {
        ;(weight.read() as tf.Variable).assign(values[i]!)
      }),
  ],
]

for (const [name, constraint, put] of returns) {
  onEachBackend(test, `a resumed run with a constraint is the same, bit for bit: ${name}`, async (t) => {
    const make = () => nso(adam({ learningRate: 0.1 }), noise)
    const build = (optimizer: FlatOptimizer) => {
      const model = constrained(constraint)
      model.compile({ optimizer, loss: 'meanSquaredError' })
      return model
    }
    const [optimizer, second] = [make(), make()]
    const [model, resumed] = [build(optimizer), build(second)]
    const [x, y] = data()
    for (let i = 0; i < 3; i++) await model.trainOnBatch(x, y)
    const state = await copyOf(optimizer)
    const values = model.getWeights().map((one) => one.clone())
    put(resumed, values)
    await second.setWeights(state)
    for (let i = 0; i < 3; i++) {
      await model.trainOnBatch(x, y)
      await resumed.trainOnBatch(x, y)
      t.deepEqual(resumed.getWeights().map(bits), model.getWeights().map(bits))
    }
    disposeAll(state)
    tf.dispose([x, y, ...values])
    for (const one of [optimizer, second, model, resumed]) one.dispose()
  })
}

onEachBackend(test, 'micro-batches that make no update leave weights alone', async (t) => {
  const optimizer = sgd({ ...rate, accumulation: 2 })
  const model = constrained(tf.constraints.unitNorm({ axis: 0 }))
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const [x, y] = data()
  for (let update = 0; update < 2; update++) {
    const before = weightsOf(model)
    await model.trainOnBatch(x, y)
    t.deepEqual(weightsOf(model), before)
    await model.trainOnBatch(x, y)
    t.true(distance(weightsOf(model), before) > 0.01)
    t.true(columns(weightsOf(model)[0]!).every((norm) => close(norm, 1)))
  }
  for (const one of [optimizer, model]) one.dispose()
  tf.dispose([x, y])
})

/** A constraint of the user's own. */
const custom = (apply: (w: tf.Tensor) => unknown) =>
  Object.assign(Object.create(tf.constraints.nonNeg()), { apply }) as ReturnType<typeof tf.constraints.nonNeg>

onEachBackend(test, 'a constraint that gives the weight itself changes nothing', async (t) => {
  const [x, y] = data()
  const [model, free] = [constrained(custom((w) => w)), constrained()]
  const [optimizer, plain] = [adam(), adam()]
  model.compile({ optimizer, loss: 'meanSquaredError' })
  free.compile({ optimizer: plain, loss: 'meanSquaredError' })
  for (let i = 0; i < 3; i++) {
    for (const one of [model, free]) await one.fit(x, y, { epochs: 1, shuffle: false, verbose: 0 })
    t.deepEqual(model.getWeights().map(bits), free.getWeights().map(bits))
  }
  for (const one of [optimizer, plain, model, free]) one.dispose()
  tf.dispose([x, y])
})

/** 4 → 3 → 1, both kernels constrained. */
function both(first: Constraint, second: Constraint): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 3, inputShape: [4], kernelInitializer: start(1), kernelConstraint: first }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2), kernelConstraint: second }),
    ],
  })
}

onEachBackend(test, 'one constraint for two weights is tried on each', async (t) => {
  const optimizer = sgd(rate)
  const one = custom((w) => (w.shape[0] === 4 ? w : tf.zeros([2])))
  const model = both(one, one)
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const before = weightsOf(model)
  const [x, y] = data()
  await t.throwsAsync(model.trainOnBatch(x, y), { code: 'ERR_SHAPE' })
  t.deepEqual(weightsOf(model), before)
  t.is(optimizer.iterations, 0)
  for (const one of [optimizer, model]) one.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'one constraint that fails after its trial keeps all of them from a step', async (t) => {
  let calls = 0
  const later = custom((w) => {
    if (calls++ > 0) throw new Error('mine')
    return w
  })
  const [model, free] = [
    both(
      custom((w) => tf.zerosLike(w)),
      later,
    ),
    constrained(),
  ]
  const [optimizer, plain] = [sgd(rate), sgd(rate)]
  model.compile({ optimizer, loss: 'meanSquaredError' })
  free.compile({ optimizer: plain, loss: 'meanSquaredError' })
  const [x, y] = data()
  const { numTensors } = tf.memory()
  await t.throwsAsync(model.trainOnBatch(x, y), { code: 'ERR_INVALID_ARGUMENT', message: /a throw: mine$/ })
  t.is(tf.memory().numTensors, numTensors)
  await free.trainOnBatch(x, y)
  t.deepEqual(model.getWeights().map(bits), free.getWeights().map(bits))
  for (const one of [optimizer, plain, model, free]) one.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'a constraint that cannot be applied is refused before anything changes', async (t) => {
  const [x, y] = data()
  const fail = () => {
    throw new Error('mine')
  }
  const gone = (w: tf.Tensor) => {
    const result = tf.zerosLike(w)
    result.dispose()
    return result
  }
  const textless = () => {
    throw { toString: null }
  }
  for (const [apply, code] of [
    [textless, 'ERR_INVALID_ARGUMENT'],
    [gone, 'ERR_DISPOSED'],
    [(w: tf.Tensor) => tf.zeros(w.shape, 'int32'), 'ERR_DTYPE'],
    [fail, 'ERR_INVALID_ARGUMENT'],
    [() => tf.zeros([4]), 'ERR_SHAPE'],
    [() => 7, 'ERR_SHAPE'],
  ] as const) {
    const optimizer = sam(sgd(rate))
    const model = constrained(custom(apply))
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const before = weightsOf(model)
    const { numTensors } = tf.memory()
    await t.throwsAsync(model.trainOnBatch(x, y), { code, message: /constraint of '.*kernel'/ })
    t.deepEqual(weightsOf(model), before)
    t.is(optimizer.iterations, 0)
    t.is(tf.memory().numTensors, numTensors)
    for (const one of [optimizer, model]) one.dispose()
  }
  tf.dispose([x, y])
})
