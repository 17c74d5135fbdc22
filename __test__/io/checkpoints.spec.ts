import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  adam,
  adamw,
  lion,
  momentum,
  nso,
  resume,
  type SaveCheckpointOptions,
  saveCheckpoint,
  sgd,
  type Trainee,
} from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { fingerprint, network, optimizerOf, optimizers, ways } from '../helpers/resume.ts'
import { stateOf } from '../helpers/state.ts'
import { random } from '../helpers/training.ts'

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const dispose = (...models: tf.LayersModel[]) => {
  for (const model of models) for (const one of [model.optimizer, model]) one.dispose()
}

onEachBackend(test, 'a loop: saved after any step, a fresh model goes on to the bit', async (t) => {
  const { train } = ways.loop!
  for (const make of [optimizers['nso on adam']!, optimizers['nso on momentum, k = 2, 2 micro-batches an update']!]) {
    const dir = await folder(t)
    const whole = network(make())
    await train(whole, 0, 4)
    for (const step of [0, 1, 3]) {
      const [half, rest] = [network(make()), network(make())]
      await train(half, 0, step)
      const { numTensors } = tf.memory()
      await saveCheckpoint(half, { dir, epoch: step >> 1, batch: step % 2 })
      await saveCheckpoint(half, { dir, epoch: step >> 1, batch: step % 2 })
      // What getWeights returned is the optimizer's.
      const held = (await optimizerOf(half).getWeights()).length
      t.is(tf.memory().numTensors, numTensors + held)
      const { initialEpoch, startBatch, path } = await resume(rest, dir)
      t.deepEqual([initialEpoch, startBatch, path?.startsWith(dir)], [step >> 1, step % 2, true])
      if (step > 0) t.is(await fingerprint(rest), await fingerprint(half))
      await train(rest, step, 4)
      t.is(await fingerprint(rest), await fingerprint(whole))
      dispose(half, rest)
    }
    dispose(whole)
  }
})

onEachBackend(test, 'an optimizer and variables of your own, some of them not trained', async (t) => {
  const dir = await folder(t)
  const make = () => {
    const variables = tf.tidy(() => [
      tf.variable(random([5], 1)),
      tf.variable(tf.scalar(0, 'int32'), false),
      tf.variable(random([2, 2], 2)),
    ]) as tf.Variable[]
    const optimizer = nso(adamw({ learningRate: 0.1 }), { sigma: 0.1, seed: 1 })
    const train = (steps: number) => {
      for (let i = 0; i < steps; i++) {
        const loss = () =>
          tf.tidy(() => tf.add(tf.sum(tf.cosh(variables[0]!)), tf.sum(tf.cosh(variables[2]!))) as tf.Scalar)
        optimizer.minimize(loss, false, variables)
        tf.tidy(() => variables[1]!.assign(variables[1]!.add(tf.scalar(1, 'int32'))))
      }
    }
    return { variables, optimizer, train }
  }
  const [whole, half, rest] = [make(), make(), make()]
  whole.train(5)
  half.train(2)
  await saveCheckpoint(half, { dir, epoch: 2 })
  t.is((await resume(rest, dir)).initialEpoch, 2)
  rest.train(3)
  t.deepEqual(rest.variables.map(bits), whole.variables.map(bits))
  t.deepEqual(await stateOf(rest.optimizer), await stateOf(whole.optimizer))
  t.is(rest.variables[1]!.dataSync()[0], 5)
  for (const { optimizer } of [whole, half, rest]) optimizer.dispose()
})

onEachBackend(
  test,
  'seed and learning rate are those of the checkpoint, a schedule is that of the program',
  async (t) => {
    const dir = await folder(t)
    const [saved, other] = [nso(adam({ learningRate: 0.1 })), nso(adam({ learningRate: 0.1 }))]
    const [half, rest] = [network(saved), network(other)]
    await ways.loop!.train(half, 0, 2)
    saved.learningRate = 0.025
    t.not(saved.seed, other.seed)
    await saveCheckpoint(half, { dir, epoch: 1 })
    await resume(rest, dir)
    t.deepEqual([other.seed, other.learningRate], [saved.seed, 0.025])
    const scheduled = network(nso(adam({ learningRate: (step) => 1 / (step + 1) })))
    await resume(scheduled, dir)
    t.is(typeof optimizerOf(scheduled).learningRate, 'function')
    dispose(half, rest, scheduled)
  },
)

onEachBackend(test, 'an optimizer of tfjs itself, and one of ours around it', async (t) => {
  const stock = (optimizer: tf.Optimizer) => {
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3] })] })
    model.compile({ optimizer, loss: 'meanSquaredError' })
    return model
  }
  const [x, y] = [random([6, 3], 1), random([6, 1], 2)]
  for (const make of [() => tf.train.momentum(0.1, 0.9), () => nso(tf.train.momentum(0.1, 0.9), { seed: 1 })]) {
    const dir = await folder(t)
    const [half, rest] = [stock(make()), stock(make())]
    for (let i = 0; i < 2; i++) await half.trainOnBatch(x, y)
    const { numTensors } = tf.memory()
    await saveCheckpoint(half, { dir, epoch: 2 })
    const held = half.optimizer.getClassName() === 'Momentum' ? 0 : 3
    t.is(tf.memory().numTensors, numTensors + held)
    await resume(rest, dir)
    for (const model of [half, rest]) await model.trainOnBatch(x, y)
    t.deepEqual(rest.getWeights().map(bits), half.getWeights().map(bits))
    // Stock momentum forgets its rate at dispose (tfjs #4647).
    for (const { optimizer } of [half, rest]) {
      const { c } = ((optimizer as unknown as ReturnType<typeof nso>).settings?.base.foreign ??
        optimizer) as unknown as { c: tf.Tensor }
      optimizer.dispose()
      c.dispose()
    }
    for (const model of [half, rest]) model.dispose()
  }
  tf.dispose([x, y])
})

/** Programs that a checkpoint of nso(adam) on 3 → 5 → 1 is not for. */
const strangers: [string, () => tf.LayersModel][] = [
  ['another base', () => network(nso(lion()))],
  ['another estimator', () => network(adam())],
  ['an optimizer of tfjs', () => network(tf.train.adam() as never)],
  ['a distance', () => network(nso(adam({ distance: 1 })))],
  ['fewer layers', () => dense(3, [1])],
  ['more layers', () => dense(3, [5, 5, 5, 5, 1])],
  ['other shapes', () => dense(4, [5, 5, 1])],
  ['frozen layers', () => frozen(network(nso(adam())), 0)],
]

function dense(inputs: number, units: number[]): tf.LayersModel {
  const layers = units.map((units, i) => tf.layers.dense({ units, ...(i === 0 ? { inputShape: [inputs] } : {}) }))
  const model = tf.sequential({ layers })
  model.compile({ optimizer: nso(adam()) as never, loss: 'meanSquaredError' })
  return model
}

function frozen(model: tf.LayersModel, layer: number): tf.LayersModel {
  model.layers[layer]!.trainable = false
  model.compile({ optimizer: model.optimizer, loss: 'meanSquaredError' })
  return model
}

for (const [name, make] of strangers) {
  onEachBackend(test, `a checkpoint for ${name} is refused, and nothing has changed`, async (t) => {
    const dir = await folder(t)
    const half = network(optimizers['nso on adam']!())
    await ways.loop!.train(half, 0, 2)
    await saveCheckpoint(half, { dir, epoch: 1 })
    const model = make()
    const optimizer = optimizerOf(model)
    const now = async () => {
      const state = optimizer.settings === undefined ? [] : await stateOf(optimizer)
      return [model.getWeights().map(bits), optimizer.iterations, optimizer.seed, state.slice(0, 1)]
    }
    const before = await now()
    const { numTensors } = tf.memory()
    await t.throwsAsync(resume(model, dir), { code: 'ERR_STATE', message: /^Expected .+, received .+\./ })
    t.is(tf.memory().numTensors, numTensors)
    t.deepEqual(await now(), before)
    dispose(half, model)
  })
}

onEachBackend(
  test,
  'frozen layers: the same ones go on to the bit, others of the same sizes are refused',
  async (t) => {
    const dir = await folder(t)
    const make = (layer: number) => frozen(dense(3, [3, 3, 3]), layer)
    const [x, y] = [random([6, 3], 1), random([6, 3], 2)]
    const [half, rest, other] = [make(0), make(0), make(1)]
    for (let i = 0; i < 2; i++) await half.trainOnBatch(x, y)
    await saveCheckpoint(half, { dir, epoch: 2 })
    const before = other.getWeights().map(bits)
    await t.throwsAsync(resume(other, dir), { code: 'ERR_STATE', message: /weights 0,1,4,5 trained, received 2,3,4,5/ })
    t.deepEqual(other.getWeights().map(bits), before)
    await resume(rest, dir)
    for (const model of [half, rest]) await model.trainOnBatch(x, y)
    t.is(await fingerprint(rest), await fingerprint(half))
    dispose(half, rest, other)
    tf.dispose([x, y])
  },
)

onEachBackend(test, 'nested and shared layers, and weights that a constraint would change', async (t) => {
  const dir = await folder(t)
  const make = () => {
    const shared = tf.layers.dense({ units: 3, kernelConstraint: 'nonNeg', kernelInitializer: 'ones' })
    const inner = tf.sequential({
      layers: [tf.layers.dense({ units: 3, inputShape: [3] }), tf.layers.batchNormalization()],
    })
    const input = tf.input({ shape: [3] })
    const output = shared.apply(inner.apply(shared.apply(input))) as tf.SymbolicTensor
    const model = tf.model({ inputs: input, outputs: output })
    model.compile({ optimizer: nso(adam({ learningRate: 1 })) as never, loss: 'meanSquaredError' })
    return model
  }
  const [x, y] = [random([6, 3], 1), random([6, 3], 2)]
  const [half, rest] = [make(), make()]
  for (let i = 0; i < 3; i++) await half.trainOnBatch(x, y)
  await saveCheckpoint(half, { dir, epoch: 2 })
  await resume(rest, dir)
  t.is(await fingerprint(rest), await fingerprint(half))
  for (const model of [half, rest]) await model.trainOnBatch(x, y)
  t.is(await fingerprint(rest), await fingerprint(half))
  dispose(half, rest)
  tf.dispose([x, y])
})

onEachBackend(test, 'no folder and an empty one are a run that has not begun', async (t) => {
  const dir = await folder(t)
  const model = network(momentum())
  const none = { initialEpoch: 0, startBatch: 0, path: null, skipped: [] }
  t.deepEqual(await resume(model, join(dir, 'none')), none)
  t.deepEqual(await resume(model, dir), none)
  t.deepEqual(await readdir(dir), [])
  dispose(model)
})

/** A layer with a weight of its own, and a field that is none of tfjs's. */
class Scale extends tf.layers.Layer {
  static className = 'Scale'
  readonly layers: unknown
  #factor: { read(): tf.Tensor } | null = null
  constructor(layers: unknown) {
    super({})
    this.layers = layers
  }
  override build(): void {
    this.#factor = this.addWeight('factor', [1], 'float32', tf.initializers.ones())
    super.build([])
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => tf.mul(Array.isArray(inputs) ? inputs[0]! : inputs, this.#factor!.read()))
  }
}

onEachBackend(test, 'a layer of your own may have a field named layers', async (t) => {
  const [x, y] = [random([6, 3], 1), random([6, 1], 2)]
  for (const field of [[], 3, [tf.layers.dense({ units: 1 })]]) {
    const dir = await folder(t)
    const make = () => {
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3] }), new Scale(field)] })
      model.compile({ optimizer: nso(adam()) as never, loss: 'meanSquaredError' })
      return model
    }
    const [half, rest] = [make(), make()]
    for (let i = 0; i < 2; i++) await half.trainOnBatch(x, y)
    await saveCheckpoint(half, { dir, epoch: 2 })
    await resume(rest, dir)
    for (const model of [half, rest]) await model.trainOnBatch(x, y)
    t.is(await fingerprint(rest), await fingerprint(half))
    t.is(rest.getWeights().length, 3)
    dispose(half, rest)
  }
  tf.dispose([x, y])
})

test.serial('a trained variable outside the layers is refused, and no file is made', async (t) => {
  const dir = await folder(t)
  const model = network(sgd())
  const [x, y] = [random([6, 3], 1), random([6, 1], 2)]
  await model.trainOnBatch(x, y)
  const other = tf.layers.dense({ units: 1, inputShape: [1] })
  other.build([1, 1])
  const inner = (model as unknown as { model?: object }).model ?? model
  Object.defineProperty(inner, 'collectedTrainableWeights', { value: [...model.trainableWeights, ...other.weights] })
  await t.throwsAsync(saveCheckpoint(model, { dir, epoch: 1 }), {
    code: 'ERR_UNSUPPORTED',
    message: /^Expected .+, received '.+' elsewhere\./,
  })
  t.deepEqual(await readdir(dir), [])
  tf.dispose(other.weights.map((weight) => weight.read()))
  dispose(model)
  tf.dispose([x, y])
})

test.serial('a step before the state was read is refused; without it the weights are those of the call', async (t) => {
  const dir = await folder(t)
  const w = tf.variable(tf.tensor1d([1, 2]))
  const trainee = { optimizer: sgd({ learningRate: 0.1 }), variables: [w] }
  const step = () => trainee.optimizer.minimize(() => tf.tidy(() => tf.sum(tf.square(w)) as tf.Scalar), false, [w])
  step()
  const torn = saveCheckpoint(trainee, { dir, epoch: 1 })
  step()
  await t.throwsAsync(torn, { code: 'ERR_STATE', message: /after 1 steps.+after 2\. Await/ })
  t.deepEqual(await readdir(dir), [])
  const before = bits(w)
  const saved = saveCheckpoint(trainee, { dir, epoch: 2 })
  w.assign(tf.tensor1d([8, 9]))
  await saved
  await resume(trainee, dir)
  t.deepEqual(bits(w), before)
  trainee.optimizer.dispose()
  w.dispose()
})

test.serial('so is a micro-batch: the weights are the same, the state is not', async (t) => {
  const dir = await folder(t)
  const w = tf.variable(tf.tensor1d([1, 2]))
  const trainee = { optimizer: sgd({ accumulation: 4 }), variables: [w] }
  const step = () => trainee.optimizer.minimize(() => tf.tidy(() => tf.sum(tf.square(w)) as tf.Scalar), false, [w])
  for (let i = 0; i < 5; i++) step()
  const torn = saveCheckpoint(trainee, { dir, epoch: 1 })
  step()
  await t.throwsAsync(torn, { code: 'ERR_STATE', message: /after 5 steps.+after 6\. Await/ })
  t.deepEqual(await readdir(dir), [])
  trainee.optimizer.dispose()
  w.dispose()
})

test.serial('saves that are not waited for take their turns', async (t) => {
  const dir = await folder(t)
  const model = network(sgd())
  const paths = await Promise.all([0, 1, 2, 3].map((epoch) => saveCheckpoint(model, { dir, epoch, keep: 3 })))
  t.is(new Set(paths).size, 4)
  t.is((await readdir(dir)).length, 3)
  t.is((await resume(model, dir)).initialEpoch, 3)
  // One that fails does not stop the next.
  await writeFile(join(dir, 'file'), '')
  await t.throwsAsync(saveCheckpoint(model, { dir: join(dir, 'file'), epoch: 1 }), { code: 'EEXIST' })
  await saveCheckpoint(model, { dir, epoch: 4 })
  t.is((await resume(model, dir)).initialEpoch, 4)
  dispose(model)
})

test.serial('bad arguments are typed errors, and no file is made', async (t) => {
  const dir = await folder(t)
  const model = network(sgd())
  const uncompiled = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
  const gone = sgd()
  gone.dispose()
  const text = tf.variable(tf.tensor1d(['a']), false)
  const good = { dir, epoch: 1 }
  const cases: [string, unknown, unknown][] = [
    ...[null, undefined, 7, {}, uncompiled, { optimizer: sgd() }].map((one): [string, unknown, unknown] => [
      ...(['ERR_INVALID_ARGUMENT', one, good] as const),
    ]),
    ...[null, {}, { dir }, { epoch: 1 }, { dir: '', epoch: 1 }, { ...good, epoch: -1 }, { ...good, epoch: 0.5 }].map(
      (one): [string, unknown, unknown] => ['ERR_INVALID_ARGUMENT', model, one],
    ),
    ...[
      { ...good, batch: -1 },
      { ...good, keep: 0 },
      { ...good, every: 1 },
    ].map((one): [string, unknown, unknown] => ['ERR_INVALID_ARGUMENT', model, one]),
    ['ERR_DISPOSED', { optimizer: gone, variables: [] }, good],
    ['ERR_DTYPE', { optimizer: sgd(), variables: [text] }, good],
  ]
  for (const [code, trainee, options] of cases) {
    await t.throwsAsync(saveCheckpoint(trainee as Trainee, options as SaveCheckpointOptions), { code })
  }
  t.deepEqual(await readdir(dir), [])
  for (const [trainee, where] of [
    [uncompiled, dir],
    [null, dir],
    [model, ''],
    [model, undefined],
  ] as const) {
    await t.throwsAsync(resume(trainee as never, where as never), { code: 'ERR_INVALID_ARGUMENT' })
  }
  dispose(model)
})
