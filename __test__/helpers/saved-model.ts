import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tf } from './backends.ts'

/** Writes a model as stock tfjs does it to `file://`: by tfjs-node where it is the backend, else file by file from what tfjs gives. */
export async function saveModel(model: tf.LayersModel, dir: string): Promise<string> {
  if (tf.getBackend() === 'tensorflow') await model.save(`file://${dir}`)
  else await model.save(tf.io.withSaveHandler((artifacts) => write(artifacts, dir)))
  return join(dir, 'model.json')
}

async function write(artifacts: tf.io.ModelArtifacts, dir: string): Promise<tf.io.SaveResult> {
  mkdirSync(dir, { recursive: true })
  const { modelTopology, weightSpecs, format, generatedBy, convertedBy } = artifacts
  const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin']
  const json = { modelTopology, format, generatedBy, convertedBy, weightsManifest: [{ paths, weights: weightSpecs }] }
  const bytes = Buffer.from(tf.io.CompositeArrayBuffer.join(artifacts.weightData))
  // As the converter of Keras models does it, which cuts anywhere.
  const half = Math.floor(bytes.length / 2) + 1
  writeFileSync(join(dir, 'group1-shard1of2.bin'), bytes.subarray(0, half))
  writeFileSync(join(dir, 'group1-shard2of2.bin'), bytes.subarray(half))
  writeFileSync(join(dir, 'model.json'), JSON.stringify(json))
  return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
}
