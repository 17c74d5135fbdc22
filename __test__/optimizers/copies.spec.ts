import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { adam, nso, registerTfjs } from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { weightsOf } from '../helpers/training.ts'

const require = createRequire(import.meta.url)
const noise = { seed: 4, sigma: 0.1, perturbations: 2 }

/** A folder with copies of tfjs-core and tfjs-layers, which find everything else where ours lies. */
function copyTfjs(): { folder: string; core: typeof tf; layers: typeof tf } {
  const folder = mkdtempSync(join(tmpdir(), 'saltflat-copy-'))
  const target = join(folder, 'node_modules')
  const source = dirname(dirname(dirname(require.resolve('@tensorflow/tfjs-core/package.json'))))
  mkdirSync(join(target, '@tensorflow'), { recursive: true })
  for (const name of ['tfjs-core', 'tfjs-layers']) {
    const from = join(source, '@tensorflow', name)
    const { main } = require(join(from, 'package.json')) as { main: string }
    for (const file of ['package.json', main]) cpSync(join(from, file), join(target, '@tensorflow', name, file))
  }
  for (const name of readdirSync(source).filter((one) => !one.startsWith('@') && !one.startsWith('.'))) {
    symlinkSync(join(source, name), join(target, name))
  }
  const load = createRequire(join(folder, 'main.js'))
  return { folder, core: load('@tensorflow/tfjs-core'), layers: load('@tensorflow/tfjs-layers') }
}

const copy = copyTfjs()
test.after.always(() => rmSync(copy.folder, { recursive: true }))

/** 3 → 2 → 1 of layers of a copy of tfjs. */
function compiled({ sequential, layers, initializers }: typeof tf, optimizer: tf.Optimizer): tf.LayersModel {
  const start = (seed: number) => initializers.glorotUniform({ seed })
  const model = sequential({
    layers: [
      layers.dense({ units: 2, inputShape: [3], kernelInitializer: start(1) }),
      layers.batchNormalization(),
      layers.dense({ units: 1, kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer, loss: 'meanSquaredError', metrics: ['mse', 'mae'] })
  return model
}

test('they are copies', (t) => {
  t.not(copy.core.add, tf.add)
  t.not(copy.layers.LayersModel, tf.LayersModel)
})

// The order matters: nothing is registered yet.
onEachBackend(test, 'own loops work with variables of another copy', (t) => {
  const run = (variable: typeof tf.variable) => {
    const w = tf.tidy(() => variable(tf.tensor1d([1, 2, 3])))
    const optimizer = nso(adam(), noise)
    for (let step = 0; step < 2; step++) {
      optimizer.minimize(() => copy.core.tidy(() => copy.core.mean(copy.core.square(w)) as tf.Scalar), false, [w])
    }
    optimizer.dispose()
    return bits(w)
  }
  t.deepEqual(run(copy.core.variable), run(tf.variable))
})

onEachBackend(test, 'a model of a copy that nobody registered is refused, and nothing has changed', async (t) => {
  const optimizer = nso(adam(), noise)
  const model = compiled(copy.layers, optimizer)
  const before = weightsOf(model)
  const [x, y] = [tf.ones([4, 3]), tf.ones([4, 1])]
  await t.throwsAsync(model.trainOnBatch(x, y), { code: 'ERR_UNSUPPORTED', message: /registerTfjs/ })
  t.deepEqual(weightsOf(model), before)
  t.is(optimizer.iterations, 0)
  for (const one of [optimizer, model]) one.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'a registered copy trains, reports and saves as ours does', async (t) => {
  registerTfjs({ ...copy.core, ...copy.layers })
  const [x, y] = [tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]), tf.ones([2, 1])]
  const results: unknown[] = []
  for (const layers of [tf, copy.layers]) {
    const optimizer = nso(adam(), noise)
    const model = compiled(layers, optimizer)
    const { history } = await model.fit(x, y, { epochs: 3, batchSize: 2, shuffle: false, verbose: 0 })
    const batch = await model.trainOnBatch(x, y)
    const { numTensors } = tf.memory()
    await model.trainOnBatch(x, y)
    t.is(tf.memory().numTensors, numTensors)
    results.push([history, batch, weightsOf(model)])
    for (const one of [optimizer, model]) one.dispose()
  }
  t.deepEqual(results[1], results[0])
  tf.dispose([x, y])
})

test('its serialization knows our optimizers', (t) => {
  const optimizer = nso(adam(), noise)
  const registered = copy.core.serialization.SerializationMap.getMap().classNameMap[optimizer.getClassName()]
  const [known, fromConfig] = registered!
  const loaded = fromConfig(known, optimizer.getConfig()) as unknown as typeof optimizer
  t.is(String(loaded), String(optimizer))
  t.is(loaded.seed, optimizer.seed)
})

test('what is no tfjs is refused', (t) => {
  for (const bad of [null, undefined, 7, {}, { LayersModel: tf.LayersModel }]) {
    t.throws(() => registerTfjs(bad as never), { code: 'ERR_INVALID_ARGUMENT' })
  }
})
