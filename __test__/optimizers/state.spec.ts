import test from 'ava'
import {
  adam,
  adamw,
  cosine,
  type FlatOptimizer,
  geometric,
  joined,
  linear,
  lion,
  momentum,
  nesterov,
  noBiasesOrNorms,
  nso,
  rmsprop,
  sam,
  sgd,
  warmup,
} from '../../src/index.ts'
import type { NamedTensor } from '../../src/optimizers/state.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { copyOf, disposeAll, stateOf } from '../helpers/state.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

/** 4 → 3 → 1 with dropout, so that a resumed run must also draw the same masks. */
function network(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 3, activation: 'tanh', inputShape: [4], kernelInitializer: start(1) }),
      tf.layers.dropout({ rate: 0.3 }),
      tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
}

/** What a file would hold: topology and configs have been JSON in between. */
async function saved(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let found: tf.io.ModelArtifacts | null = null
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    found = artifacts
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) }
  })
  await model.save(handler, { includeOptimizer: true })
  const { weightData, ...rest } = found as unknown as tf.io.ModelArtifacts
  return { ...JSON.parse(JSON.stringify(rest)), weightData } as tf.io.ModelArtifacts
}

const optimizerOf = (model: tf.LayersModel) => model.optimizer as unknown as FlatOptimizer

const configs: [string, () => FlatOptimizer][] = [
  [
    'nso on adamw, everything said',
    () =>
      nso(
        adamw({
          ...{ learningRate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, amsgrad: true, weightDecay: 0.1 },
          ...{ l2: 0.003, decayFilter: noBiasesOrNorms, clipNorm: 1.5, accumulation: 4 },
          distance: [{ strength: 0.1, filter: /Head_\d/i, from: 'zero' }, { strength: 1e-4 }],
        }),
        {
          sigma: 0.0123,
          perturbations: 3,
          distribution: 'laplace',
          mixing: 0.25,
          filter: [/conv_2d_\d+\/(kernel|Big_Bias)$/gi, 'dense_Dense1/kernel_x'],
          data: 'split',
          rounds: 7,
          seed: Number.MAX_SAFE_INTEGER,
          batchNorm: 'clean',
        },
      ),
  ],
  ['nso, nothing said', () => nso(sgd())],
  ['sam on tf.train.adam', () => sam(tf.train.adam(0.03), { rho: 0.2, seed: 5 })],
  ['adam alone', () => adam({ learningRate: 0.5 })],
  ['momentum with a bound of each element', () => momentum({ momentum: 0.7, clipValue: 0.25, distance: 0.5 })],
  ['nesterov alone', () => nesterov({ momentum: 0.7, decayFilter: ['kernel', /gamma$/], weightDecay: 0.1 })],
  ['rmsprop with all it has', () => rmsprop({ decay: 0.8, epsilon: 1e-3, momentum: 0.3, centered: true })],
  ['nso on lion', () => nso(lion({ learningRate: 0.001, beta1: 0.8, beta2: 0.9 }), { seed: 0 })],
  [
    'schedules as objects',
    () =>
      nso(adam({ learningRate: joined([warmup({ final: 0.1, steps: 5 }), cosine({ initial: 0.1, steps: 95 })]) }), {
        sigma: geometric({ initial: 1e-5, final: 0.02, steps: 100 }),
      }),
  ],
  ['sam with a radius that grows', () => sam(sgd(), { rho: linear({ initial: 0, final: 0.1, steps: 10 }) })],
]

for (const [name, make] of configs) {
  onEachBackend(test, `save and loadLayersModel keep every setting: ${name}`, async (t) => {
    const model = network()
    const optimizer = make()
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(await saved(model)))
    const { base: before, ...settings } = optimizer.settings
    const { base: after, ...found } = optimizerOf(loaded).settings
    const defined = (options: object) =>
      Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    t.deepEqual({ ...found, options: defined(found.options) }, { ...settings, options: defined(settings.options) })
    t.deepEqual([after.kind?.name, after.options], [before.kind?.name, before.options])
    t.deepEqual(after.foreign?.getConfig(), before.foreign?.getConfig())
    t.is(optimizerOf(loaded).passesPerStep, optimizer.passesPerStep)
    for (const one of [optimizer, loaded.optimizer, model, loaded]) one.dispose()
  })
}

onEachBackend(test, 'functions are not saved: a step of the loaded model says so, and what to do', async (t) => {
  const [x, y] = [random([4, 4], 1), random([4, 1], 2)]
  for (const [what, make] of [
    ['sigma', () => nso(sgd(), { sigma: () => 0.1 })],
    ['filter', () => nso(sgd(), { filter: () => true })],
    ['learningRate', () => nso(sgd({ learningRate: () => 0.1 }))],
    ['decayFilter', () => nso(sgd({ l2: 0.1, decayFilter: () => true }))],
    ['filter', () => sgd({ distance: [{ strength: 0.1, filter: () => true }] })],
  ] as const) {
    const model = network()
    const optimizer = make()
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(await saved(model)))
    const before = weightsOf(loaded)
    await t.throwsAsync(loaded.trainOnBatch(x, y), {
      code: 'ERR_STATE',
      message: new RegExp(`^Expected ${what} to be given again, received .+\\.`),
    })
    t.deepEqual(weightsOf(loaded), before)
    for (const one of [optimizer, loaded.optimizer, model, loaded]) one.dispose()
  }
  tf.dispose([x, y])
})

/** Optimizers that resume; a wrapped stock one goes on to rounding, for tfjs restarts the powers of its decays. */
const resumed: [string, () => FlatOptimizer, updates?: number][] = [
  ['nso on adam, k = 2', () => nso(adam({ learningRate: 0.05 }), { sigma: 0.05, seed: 7, perturbations: 2 })],
  ['sam on adamw', () => sam(adamw({ learningRate: 0.05 }), { seed: 7 })],
  [
    'nso on adam with schedules as objects',
    () =>
      nso(adam({ learningRate: joined([warmup({ final: 0.1, steps: 3 }), cosine({ initial: 0.1, steps: 9 })]) }), {
        sigma: linear({ initial: 0, final: 0.1, steps: 8 }),
        seed: 7,
      }),
  ],
  ['nso on amsgrad, clipped', () => nso(adam({ learningRate: 0.05, amsgrad: true, clipNorm: 0.5 }), { seed: 7 })],
  ['nesterov near where it began', () => nesterov({ learningRate: 0.05, distance: 0.5, seed: 7 })],
  [
    'nso on rmsprop with all its moments, 7 rounds',
    () => nso(rmsprop({ learningRate: 0.01, momentum: 0.5, centered: true }), { rounds: 7, seed: 7 }),
  ],
  [
    'nso on lion, 3 micro-batches an update',
    () => nso(lion({ learningRate: 0.01, accumulation: 3, distance: 0.1, weightDecay: 0.1 }), { seed: 7 }),
    3,
  ],
  ['nso on tf.train.momentum', () => nso(tf.train.momentum(0.05, 0.9), { sigma: 0.05, seed: 7 })],
]

for (const [name, make, updates = 10] of resumed) {
  onEachBackend(test, `${name}: 5 steps, a saved file and 5 steps are 10 steps, bit for bit`, async (t) => {
    const [x, y] = [random([6, 4], 1), random([6, 1], 2)]
    const run = async (model: tf.LayersModel, count: number) => {
      for (let i = 0; i < count; i++) await model.trainOnBatch(x, y)
    }
    const [whole, half] = [network(), network()]
    const [a, b] = [make(), make()]
    whole.compile({ optimizer: a, loss: 'meanSquaredError' })
    half.compile({ optimizer: b, loss: 'meanSquaredError' })
    await run(whole, 10)
    await run(half, 5)
    const rest = await tf.loadLayersModel(tf.io.fromMemory(await saved(half)))
    await run(rest, 5)
    const c = optimizerOf(rest)
    t.deepEqual(weightsOf(rest), weightsOf(whole))
    t.notDeepEqual(weightsOf(rest), weightsOf(half))
    t.deepEqual(c.curvature?.samples, a.curvature?.samples)
    t.deepEqual([c.curvature?.trace, c.curvature?.standardError], [a.curvature?.trace, a.curvature?.standardError])
    t.deepEqual(await stateOf(c), await stateOf(a))
    t.is(c.iterations, updates)
    for (const one of [a, b, c, whole, half, rest]) one.dispose()
    forgotten(a, b, c)
    tf.dispose([x, y])
  })
}

onEachBackend(
  test,
  'own loop: getWeights of one optimizer, setWeights of a fresh one, on the same variables',
  async (t) => {
    const variables = () =>
      tf.tidy(() => [random([5, 3], 1), random([3], 2)].map((one) => tf.variable(one))) as tf.Variable[]
    const make = resumed[0]![1]
    const train = (optimizer: FlatOptimizer, [w, b]: tf.Variable[], steps: number) => {
      const loss = () => tf.tidy(() => tf.mean(tf.square(tf.add(tf.dropout(tf.tanh(w!), 0.2), b!))) as tf.Scalar)
      for (let i = 0; i < steps; i++) optimizer.minimize(loss, false, [w!, b!])
    }
    const [all, parts] = [variables(), variables()]
    const [whole, first, second] = [make(), make(), make()]
    train(whole, all, 10)
    train(first, parts, 5)
    const state = await copyOf(first)
    first.dispose()
    await second.setWeights(state)
    t.is(second.iterations, 5)
    train(second, parts, 5)
    t.deepEqual(parts.map(bits), all.map(bits))
    t.deepEqual(await stateOf(second), await stateOf(whole))
    // And into one that has already trained.
    await second.setWeights(state)
    t.is(second.iterations, 5)
    t.deepEqual(
      await stateOf(second),
      state.map(({ tensor }) => bits(tensor)),
    )
    disposeAll(state)
    for (const optimizer of [whole, second]) optimizer.dispose()
  },
)

onEachBackend(test, 'a state that was set is what getWeights gives, before the first step too', async (t) => {
  const w = tf.tidy(() => tf.variable(random([5], 1)))
  const loss = () => tf.tidy(() => tf.sum(tf.square(w)) as tf.Scalar)
  for (const make of [() => nso(adam(), { seed: 1 }), () => nso(tf.train.adam(0.1), { seed: 1 })]) {
    const [trained, fresh, third] = [make(), make(), make()]
    for (let i = 0; i < 3; i++) trained.minimize(loss, false, [w])
    const state = await copyOf(trained)
    const before = state.map(({ tensor }) => bits(tensor))
    await fresh.setWeights(state)
    disposeAll(state)
    t.deepEqual(await stateOf(fresh), before)
    await third.setWeights(await fresh.getWeights())
    await fresh.setWeights(await fresh.getWeights())
    t.deepEqual(await stateOf(fresh), before)
    t.deepEqual(await stateOf(third), before)
    for (const optimizer of [trained, fresh, third]) optimizer.dispose()
  }
})

onEachBackend(test, 'a state saved before the first step takes a trained optimizer back to its start', async (t) => {
  const [a, b] = tf.tidy(() => [random([5], 1), random([5], 1)].map((one) => tf.variable(one))) as [
    tf.Variable,
    tf.Variable,
  ]
  const lossOf = (w: tf.Variable) => () => tf.tidy(() => tf.sum(tf.cosh(w)) as tf.Scalar)
  const [used, fresh] = [nso(adam(), { seed: 1 }), nso(adam(), { seed: 1 })]
  const first = tf.clone(a)
  for (let i = 0; i < 3; i++) used.minimize(lossOf(a), false, [a])
  await used.setWeights(await fresh.getWeights())
  t.deepEqual([used.iterations, used.curvature], [0, null])
  a.assign(first)
  for (let i = 0; i < 3; i++) used.minimize(lossOf(a), false, [a])
  for (let i = 0; i < 3; i++) fresh.minimize(lossOf(b), false, [b])
  t.deepEqual(bits(a), bits(b))
  t.deepEqual(await stateOf(used), await stateOf(fresh))
  first.dispose()
  for (const optimizer of [used, fresh]) optimizer.dispose()
})

onEachBackend(test, 'saving again and again leaves no tensor behind', async (t) => {
  const model = network()
  const optimizer = nso(adam(), { seed: 1 })
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const [x, y] = [random([6, 4], 1), random([6, 1], 2)]
  await model.trainOnBatch(x, y)
  await saved(model)
  const { numTensors } = tf.memory()
  for (let i = 0; i < 5; i++) await saved(model)
  t.is(tf.memory().numTensors, numTensors)
  for (const one of [optimizer, model]) one.dispose()
  tf.dispose([x, y])
})

/** States that do not fit; `late`: only the first step of a fresh optimizer can tell. */
const misfits: [string, boolean, (own: NamedTensor[], other: NamedTensor[]) => NamedTensor[]][] = [
  ['nothing', false, () => []],
  ['a count alone', false, (own) => own.slice(0, 1)],
  ['one tensor short', false, (own) => own.slice(0, -1)],
  ['without its moments', false, (own) => own.slice(0, 2)],
  ['longer than it says', false, (own, other) => [...own, other[0]!]],
  ['of a stock optimizer', false, (own) => [own[0]!, ...own.slice(2)]],
  ['of another model', true, (_, other) => other],
  ['in another order', false, (own) => [...own.slice(0, 2), ...own.slice(2).reverse()]],
]

for (const [name, late, spoil] of misfits) {
  onEachBackend(test, `a state that is ${name} is refused, and nothing has changed`, async (t) => {
    const make = () => nso(adam(), { seed: 1, perturbations: 2 })
    const [w, b, v] = tf.tidy(() =>
      [random([5], 1), random([2], 2), random([7], 3)].map((one) => tf.variable(one)),
    ) as [tf.Variable, tf.Variable, tf.Variable]
    const loss = () => tf.tidy(() => tf.add(tf.sum(tf.square(w)), tf.sum(tf.cosh(b))) as tf.Scalar)
    const otherLoss = () => tf.tidy(() => tf.sum(tf.square(v)) as tf.Scalar)
    const [running, other, fresh] = [make(), make(), make()]
    running.minimize(loss, false, [w, b])
    other.minimize(otherLoss, false, [v])
    const [own, foreign] = [await copyOf(running), await copyOf(other)]
    const bad = spoil(own, foreign)
    const before = [bits(w), bits(b), running.iterations, await stateOf(running)]
    const now = async () => [bits(w), bits(b), running.iterations, await stateOf(running)]
    const { numTensors } = tf.memory()

    await t.throwsAsync(running.setWeights(bad), { code: 'ERR_STATE', message: /^Expected .+, received .+\./ })
    t.deepEqual(await now(), before)
    t.is(tf.memory().numTensors, numTensors)

    // A fresh optimizer learns whose state it is at its first step, and goes on refusing.
    if (late) {
      await fresh.setWeights(bad)
      for (let i = 0; i < 2; i++) t.throws(() => fresh.minimize(loss, false, [w, b]), { code: 'ERR_STATE' })
    } else {
      await t.throwsAsync(fresh.setWeights(bad), { code: 'ERR_STATE' })
      t.is(fresh.iterations, 0)
    }
    t.deepEqual(await now(), before)

    // Until it gets its own.
    await fresh.setWeights(own)
    fresh.minimize(loss, false, [w, b])
    t.is(fresh.iterations, 2)
    disposeAll(own)
    disposeAll(foreign)
    for (const optimizer of [running, other, fresh]) optimizer.dispose()
  })
}

onEachBackend(
  test,
  'a wrapped optimizer that refuses its state after taking a part: nothing has changed',
  async (t) => {
    class Moody extends tf.AdamOptimizer {
      refuses = 0
      override async setWeights(weights: NamedTensor[]): Promise<void> {
        await super.setWeights(weights)
        if (this.refuses-- > 0) throw new Error('out of luck')
      }
    }
    const w = tf.tidy(() => tf.variable(random([5], 1)))
    const loss = () => tf.tidy(() => tf.sum(tf.cosh(w)) as tf.Scalar)
    const make = (seed: number) => {
      const stock = new Moody(0.1, 0.9, 0.999, 1e-8)
      return { stock, optimizer: nso(stock, { seed, sigma: 0.1 }) }
    }
    const [saved, running, fresh] = [make(1), make(2), make(3)]
    for (let i = 0; i < 3; i++) saved.optimizer.minimize(loss, false, [w])
    running.optimizer.minimize(loss, false, [w])
    const state = await copyOf(saved.optimizer)
    for (const { stock, optimizer } of [running, fresh]) {
      const now = async () => [await stateOf(optimizer), optimizer.iterations, optimizer.seed, stock.iterations]
      const before = await now()
      stock.refuses = 1
      const error = await t.throwsAsync(optimizer.setWeights(state), { code: 'ERR_BASE', message: /out of luck/ })
      t.is((error!.cause as Error).message, 'out of luck')
      t.deepEqual(await now(), before)
      stock.refuses = 0
      await optimizer.setWeights(state)
      t.deepEqual(await stateOf(optimizer), await stateOf(saved.optimizer))
    }
    disposeAll(state)
    for (const { optimizer } of [saved, running, fresh]) optimizer.dispose()
  },
)

onEachBackend(test, 'dispose twice is harmless, a step afterwards is refused and changes nothing', async (t) => {
  const w = tf.tidy(() => tf.variable(random([5], 1)))
  const loss = () => tf.tidy(() => tf.sum(tf.square(w)) as tf.Scalar)
  for (const make of [() => nso(adam(), { seed: 1 }), () => sgd(), () => nso(tf.train.sgd(0.1))]) {
    const [used, unused] = [make(), make()]
    used.minimize(loss, false, [w])
    await used.getWeights()
    const before = bits(w)
    for (const optimizer of [used, unused]) {
      optimizer.dispose()
      optimizer.dispose()
      t.throws(() => optimizer.minimize(loss, false, [w]), {
        code: 'ERR_DISPOSED',
        message: /^Expected .+, received .+\./,
      })
      t.throws(() => optimizer.applyGradients([{ name: w.name, tensor: w }]), { code: 'ERR_DISPOSED' })
      await t.throwsAsync(optimizer.getWeights(), { code: 'ERR_DISPOSED' })
      await t.throwsAsync(optimizer.setWeights([]), { code: 'ERR_DISPOSED' })
      t.deepEqual(bits(w), before)
    }
  }
})

/** Stock momentum forgets its rate at dispose (tfjs #4647). */
function forgotten(...optimizers: FlatOptimizer[]): void {
  for (const { settings } of optimizers) (settings.base.foreign as unknown as { c?: tf.Tensor } | null)?.c?.dispose()
}
