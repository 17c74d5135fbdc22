import test from 'ava'
import {
  adamw,
  type DistanceGroup,
  type FlatOptimizer,
  lion,
  minimize,
  momentum,
  noBiasesOrNorms,
  nso,
  type PenaltyOptions,
  rmsprop,
  sgd,
} from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { copyOf, disposeAll, stateOf } from '../helpers/state.ts'
import { distance, random, setWeights, start, weightsOf } from '../helpers/training.ts'

/** Dense, BatchNorm, LayerNorm and Dense: trainable weights first, as tfjs has them. */
function normalised(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 3, inputShape: [4], kernelInitializer: start(1), biasInitializer: 'ones' }),
      tf.layers.batchNormalization(),
      tf.layers.layerNormalization(),
      tf.layers.dense({ units: 1, kernelInitializer: start(2), biasInitializer: 'ones' }),
    ],
  })
}

const namesOf = (model: tf.LayersModel) => model.trainableWeights.map((weight) => (weight.read() as tf.Variable).name)
const isKernel = (name: string) => /\/kernel(_\d+)?$/.test(name)

const decaying: [string, (penalty: PenaltyOptions) => FlatOptimizer, PenaltyOptions][] = [
  ['decay of adamw', (penalty) => adamw({ weightDecay: 0, ...penalty }), { weightDecay: 0.5 }],
  ['l2 of momentum', momentum, { l2: 0.5 }],
  ['both of rmsprop', rmsprop, { l2: 0.25, weightDecay: 0.25 }],
  ['decay of lion', lion, { weightDecay: 5 }],
  ['decay of nso on sgd', (penalty) => nso(sgd(penalty), { seed: 3, sigma: 0.01 }), { weightDecay: 0.5 }],
]

for (const [name, make, penalty] of decaying) {
  onEachBackend(test, `${name}: biases, gammas and betas train as without it`, async (t) => {
    const [filtered, free] = [make({ ...penalty, decayFilter: noBiasesOrNorms }), make({})]
    // Same names to filter by: tfjs gives a second model other ones, with numbers behind them.
    const [model, twin] = [normalised(), normalised()]
    model.compile({ optimizer: filtered, loss: 'meanSquaredError' })
    twin.compile({ optimizer: free, loss: 'meanSquaredError' })
    const names = namesOf(model)
    t.is(names.filter(isKernel).length, 2)
    t.is(names.length, 8)
    const [x, y] = [random([8, 4], 10), random([8, 1], 11)]
    for (let step = 0; step < 3; step++) {
      // From the same weights, for a kernel that decays changes everybody's gradient.
      setWeights(twin, weightsOf(model))
      await model.trainOnBatch(x, y)
      await twin.trainOnBatch(x, y)
      const [ours, theirs] = [weightsOf(model), weightsOf(twin)]
      for (const [i, one] of names.entries()) {
        if (isKernel(one)) t.true(distance([ours[i]!], [theirs[i]!]) > 1e-5, one)
        else t.deepEqual(new Uint32Array(ours[i]!.buffer), new Uint32Array(theirs[i]!.buffer), one)
      }
    }
    for (const each of [filtered, free, model, twin]) each.dispose()
    tf.dispose([x, y])
  })
}

test.serial('noBiasesOrNorms knows the names of every layer, also of later models', async (t) => {
  await tf.setBackend('cpu')
  const build = () =>
    tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 5, outputDim: 4, inputLength: 6 }),
        tf.layers.lstm({ units: 3, returnSequences: true }),
        tf.layers.layerNormalization(),
        tf.layers.prelu(),
        tf.layers.reshape({ targetShape: [6, 3, 1] }),
        tf.layers.separableConv2d({ filters: 2, kernelSize: 2 }),
        tf.layers.batchNormalization(),
        tf.layers.depthwiseConv2d({ kernelSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 1 }),
      ],
    })
  const [first, second] = [build(), build()]
  const decayed = ['embeddings', 'kernel', 'recurrent_kernel', 'alpha', 'depthwise_kernel', 'pointwise_kernel']
  const expected = [...decayed, 'depthwise_kernel', 'kernel'].toSorted()
  for (const model of [first, second]) {
    const names = namesOf(model)
    const kinds = (chosen: string[]) => chosen.map((name) => /([a-z_]+?)(_\d+)?$/.exec(name)![1]!.replace(/.*\//, ''))
    t.deepEqual(kinds(names.filter((name) => noBiasesOrNorms.test(name))).toSorted(), expected)
    const rest = kinds(names.filter((name) => !noBiasesOrNorms.test(name)))
    t.deepEqual([...new Set(rest)].toSorted(), ['beta', 'bias', 'gamma'])
    model.dispose()
  }
  for (const name of ['dense/bias_2', 'norm/gamma', 'norm/beta_11']) t.false(noBiasesOrNorms.test(name))
  for (const name of ['dense/kernel_2', 'biased/kernel', 'beta/kernel', 'x']) t.true(noBiasesOrNorms.test(name))
})

/** Variables by name, a loss whose gradient is 0 everywhere, and what they are now. */
function still(values: Record<string, number>) {
  const variables = Object.entries(values).map(([name, value]) =>
    tf.tidy(() => tf.variable(tf.fill([3], value), true, name)),
  )
  const loss = () => tf.tidy(() => tf.mul(tf.addN(variables.map((one) => tf.sum(one))), 0) as tf.Scalar)
  const now = () => variables.map((one) => one.dataSync()[0]!)
  const set = (value: number) => tf.tidy(() => variables.forEach((one) => void one.assign(tf.fill([3], value))))
  return { variables, loss, now, set }
}

const near = (a: readonly number[], b: readonly number[]) => distance([a], [b]) < 1e-6

onEachBackend(test, 'distance: of several groups the first that matches counts; zero pulls to 0', (t) => {
  const groups: DistanceGroup[] = [
    { strength: 0.1, filter: ['head'], from: 'zero' },
    { strength: 0.2, filter: /a$/ },
    { strength: 0, filter: 'frozen' },
    { strength: 0.4, filter: (name) => name.startsWith('body') },
  ]
  const { variables, loss, now, set } = still({ 'body/a': 1, 'body/b': 1, 'head/a': 1, frozen: 1, other: 1 })
  const optimizer = sgd({ learningRate: 0.5, distance: groups })
  // Where it began: only the pull to 0 moves anything. w ← w − η·2λ(w − w₀)
  optimizer.minimize(loss, false, variables)
  t.true(near(now(), [1, 1, 0.9, 1, 1]), `${now()}`)
  set(3)
  optimizer.minimize(loss, false, variables)
  t.true(near(now(), [3 - 0.2 * 2, 3 - 0.4 * 2, 3 - 0.1 * 3, 3, 3]), `${now()}`)
  optimizer.dispose()
})

onEachBackend(test, 'distance: one number means all weights, a last group without a filter the rest', (t) => {
  for (const [strengths, penalty] of [
    [[0.25, 0.25], 0.25],
    [
      [0.1, 0.25],
      [{ strength: 0.1, filter: 'a' }, { strength: 0.25 }],
    ],
  ] as const) {
    const { variables, loss, now, set } = still({ a: 1, b: -1 })
    const optimizer = sgd({ learningRate: 0.5, distance: penalty })
    optimizer.minimize(loss, false, variables)
    t.deepEqual(now(), [1, -1])
    set(2)
    optimizer.minimize(loss, false, variables)
    t.true(near(now(), [2 - strengths[0] * 1, 2 - strengths[1] * 3]), `${now()}`)
    optimizer.dispose()
    tf.disposeVariables()
  }
})

onEachBackend(test, 'a filter that matches nothing is refused at the first step, and nothing has changed', (t) => {
  for (const penalty of [
    { distance: [{ strength: 1, filter: 'Body' }] },
    { distance: [{ strength: 1 }, { strength: 1, filter: /^$/ }] },
    { weightDecay: 0.1, decayFilter: 'kernel' },
    { l2: 0.1, decayFilter: () => false },
    {
      l2: 0.1,
      decayFilter: () => {
        throw new Error('mine')
      },
    },
  ]) {
    const { variables, loss, now } = still({ body: 1 })
    const optimizer = sgd({ learningRate: 0.5, ...penalty })
    for (let attempt = 0; attempt < 2; attempt++) {
      t.throws(() => optimizer.minimize(loss, false, variables), { code: 'ERR_INVALID_ARGUMENT', message: /filter/ })
      t.deepEqual(now(), [1])
      t.is(optimizer.iterations, 0)
    }
    optimizer.dispose()
    tf.disposeVariables()
  }
  // Where nothing decays, nobody is asked.
  const { variables, loss, now } = still({ body: 1 })
  const optimizer = sgd({ decayFilter: 'kernel' })
  optimizer.minimize(loss, false, variables)
  t.deepEqual(now(), [1])
  optimizer.dispose()
})

/** Trains two variables; the loss is curved enough for a wrong W₀ to show. */
function curved() {
  const variables = tf.tidy(() => [random([5, 3], 1), random([3], 2)].map((one) => tf.variable(one))) as [
    tf.Variable,
    tf.Variable,
  ]
  const loss = () => tf.tidy(() => tf.mean(tf.square(tf.add(tf.tanh(variables[0]), variables[1]))) as tf.Scalar)
  const train = (optimizer: FlatOptimizer, steps: number) => {
    for (let i = 0; i < steps; i++) optimizer.minimize(loss, false, variables)
  }
  const values = () => variables.map(bits)
  const assign = (given: tf.Tensor[]) => variables.forEach((one, i) => void one.assign(given[i]!))
  return { variables, train, values, assign }
}

const far = () => momentum({ learningRate: 0.1, distance: 0.5, seed: 1 })

onEachBackend(test, 'distance goes on from the W₀ of the state, not from the weights at its return', async (t) => {
  const [whole, half] = [curved(), curved()]
  const [a, b, c] = [far(), far(), far()]
  whole.train(a, 8)
  half.train(b, 4)
  const state = await copyOf(b)
  await c.setWeights(state)
  half.train(c, 4)
  t.deepEqual(half.values(), whole.values())
  t.deepEqual(await stateOf(c), await stateOf(a))
  // And into one that has begun elsewhere.
  const other = far()
  half.train(other, 1)
  await other.setWeights(state)
  t.deepEqual(
    await stateOf(other),
    state.map(({ tensor }) => bits(tensor)),
  )
  disposeAll(state)
  for (const optimizer of [a, b, c, other]) optimizer.dispose()
})

onEachBackend(test, 'W₀ is where the weights are at the first step, whatever came before it', async (t) => {
  const [ours, theirs] = [curved(), curved()]
  const begun = ours.variables.map((one) => tf.clone(one))
  const [used, fresh] = [far(), far()]
  // A state from before the first step takes a trained optimizer back to its start.
  ours.train(used, 3)
  await used.setWeights(await fresh.getWeights())
  ours.assign(begun)
  ours.train(used, 3)
  theirs.train(fresh, 3)
  t.deepEqual(ours.values(), theirs.values())
  t.deepEqual(await stateOf(used), await stateOf(fresh))

  // A first step that failed did not begin anything.
  const late = far()
  const elsewhere = begun.map((one) => tf.add(one, 1))
  ours.assign(elsewhere)
  t.throws(() => late.minimize(() => tf.scalar(Number.NaN), false, ours.variables), { code: 'ERR_NO_GRADIENT' })
  ours.assign(begun)
  ours.train(late, 3)
  t.deepEqual(ours.values(), theirs.values())
  tf.dispose([...begun, ...elsewhere])
  for (const optimizer of [used, fresh, late]) optimizer.dispose()
})

onEachBackend(
  test,
  'a state with W₀ is refused where there is no distance, and one without where there is',
  async (t) => {
    const none = () => momentum({ learningRate: 0.1, seed: 1 })
    for (const [from, to, message] of [
      [far, none, /no weights to keep a distance from/],
      [none, far, /^Expected weights to keep a distance from/],
    ] as const) {
      const { train, values } = curved()
      const [giver, running, fresh] = [from(), to(), to()]
      train(giver, 2)
      train(running, 2)
      const state = await copyOf(giver)
      const before = [values(), await stateOf(running), running.iterations]
      await t.throwsAsync(running.setWeights(state), { code: 'ERR_STATE', message })
      await fresh.setWeights(state)
      t.throws(() => train(fresh, 1), { code: 'ERR_STATE', message })
      t.deepEqual([values(), await stateOf(running), running.iterations], before)
      disposeAll(state)
      for (const optimizer of [giver, running, fresh]) optimizer.dispose()
    }
  },
)

test('every option at once on a plain vector, as its formula says', async (t) => {
  const [eta, beta, l2, weightDecay, strength, clipNorm, accumulation] = [0.1, 0.5, 0.2, 0.3, 0.4, 0.75, 3]
  const x0 = Float32Array.of(1, -2, 0.5)
  let call = 0
  const slope = (x: ArrayLike<number>, which: number) => Array.from(x, (value, i) => value * (1 + ((which + i) % 3)))
  const gradient = (x: Float32Array) => Float32Array.from(slope(x, call++))
  const groups: DistanceGroup[] = [{ strength, filter: 'x', from: 'initial' }, { strength: 9 }]
  const optimizer = momentum({
    ...{ learningRate: eta, momentum: beta, l2, weightDecay, clipNorm, accumulation, seed: 1 },
    ...{ decayFilter: /^x$/, distance: groups },
  })
  const { x, steps, gradients } = await minimize(gradient, x0, optimizer, { steps: 12 })
  t.deepEqual([steps, gradients, optimizer.iterations], [12, 12, 4])
  let w = [...x0]
  const m = [0, 0, 0]
  for (let update = 0; update < 4; update++) {
    const slopes = [0, 1, 2].map((micro) => slope(w, 3 * update + micro))
    const g = w.map((_, i) => slopes.reduce((sum, one) => sum + one[i]!, 0) / 3)
    const clip = Math.min(1, clipNorm / (Math.hypot(...g) + 1e-6))
    w = w.map((value, i) => {
      m[i] = beta * m[i]! + clip * g[i]! + l2 * value + 2 * strength * (value - x0[i]!)
      return value * (1 - eta * weightDecay) - eta * m[i]!
    })
  }
  t.true(distance([x], [w]) < 1e-6, `${x} for ${w}`)
  t.is(optimizer.memory!.bytes, 4 * 64 * 4)
  optimizer.dispose()

  const zero = sgd({ learningRate: eta, clipValue: 0.5, distance: [{ strength, from: 'zero' }] })
  const pulled = await minimize((v) => v.map(() => 2), x0, zero, { steps: 1 })
  t.true(distance([pulled.x], [x0.map((value) => value - eta * (0.5 + 2 * strength * value))]) < 1e-6)
  zero.dispose()
})
