import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadSavedModel } from '../../src/io/saved-model.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { saveModel } from '../helpers/saved-model.ts'

function folder(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

onEachBackend(test, 'a model comes back with its layers and the bits of its weights', async (t) => {
  const dir = folder(t)
  const input = tf.input({ shape: [6, 6, 2] })
  const conv = tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }).apply(input)
  const norm = tf.layers.batchNormalization().apply(conv)
  const flat = tf.layers.flatten().apply(norm)
  const outputs = [2, 3].map((units) => tf.layers.dense({ units }).apply(flat) as tf.SymbolicTensor)
  const model = tf.model({ inputs: input, outputs })
  const loaded = await loadSavedModel(await saveModel(model, dir))
  t.deepEqual(
    loaded.layers.map((one) => one.getClassName()),
    model.layers.map((one) => one.getClassName()),
  )
  t.deepEqual(loaded.getWeights().map(bits), model.getWeights().map(bits))
  model.dispose()
  loaded.dispose()
})

test('what is no layers model, or damaged, is a typed error', async (t) => {
  const dir = folder(t)
  await tf.setBackend('cpu')
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] })
  const path = await saveModel(model, dir)
  const whole = JSON.parse(readFileSync(path, 'utf8'))
  const state = { code: 'ERR_STATE' }
  for (const text of ['', '{', 'null', '[]', '{}', JSON.stringify({ ...whole, weightsManifest: undefined })]) {
    writeFileSync(path, text)
    await t.throwsAsync(loadSavedModel(path), state, text)
  }
  writeFileSync(path, JSON.stringify({ ...whole, format: 'graph-model' }))
  await t.throwsAsync(loadSavedModel(path), { code: 'ERR_UNSUPPORTED', message: /graph model/ })
  writeFileSync(path, JSON.stringify(whole).replace('"Dense"', '"Dens"'))
  await t.throwsAsync(loadSavedModel(path), { ...state, message: /Unknown layer: Dens/ })
  writeFileSync(path, JSON.stringify(whole))
  writeFileSync(join(dir, 'group1-shard2of2.bin'), '')
  await t.throwsAsync(loadSavedModel(path), state)
  rmSync(join(dir, 'group1-shard2of2.bin'))
  await t.throwsAsync(loadSavedModel(path), {
    ...state,
    message: /weights of .* in .*group1-shard2of2.bin, received ENOENT/,
  })
  model.dispose()
})
