import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { io } from '@tensorflow/tfjs-core'
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers'
import { SaltflatError, said } from '../errors.ts'

/** What tfjs writes as `model.json`; the converter from Keras too. */
interface ModelFile {
  readonly format?: string
  readonly modelTopology?: object
  readonly weightsManifest?: readonly {
    readonly paths: readonly string[]
    readonly weights: io.WeightsManifestEntry[]
  }[]
}

/**
 * The model that stock tfjs has saved as `model.json` and files of weights beside it, or that its converter made of a Keras
 * model. tfjs itself reads files with tfjs-node only; this serves every backend. The model is not compiled.
 *
 * Throws ERR_UNSUPPORTED for a graph model, which cannot be differentiated twice by layers; ERR_STATE for files that are
 * damaged, or whose weights are not beside it, or that tfjs cannot make a model of; and what the file system throws for `path`.
 */
export async function loadSavedModel(path: string): Promise<LayersModel> {
  const { format, modelTopology, weightsManifest } = parsed(await readFile(path, 'utf8'), path)
  if (format === 'graph-model') {
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected a layers model in ${path}, received a graph model, which has no layers and no loss. Convert the Keras model with --output_format=tfjs_layers_model.`,
    )
  }
  if (modelTopology === undefined || weightsManifest === undefined) {
    throw refused(path, 'a JSON without modelTopology and weightsManifest')
  }
  const files = weightsManifest.flatMap(({ paths }) => paths)
  const parts: Buffer[] = []
  for (const file of files) parts.push(await weightsIn(join(dirname(path), file), path)) // The first that is missing is named.
  const bytes = Buffer.concat(parts)
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights)
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  try {
    return await loadLayersModel(io.fromMemory({ modelTopology, weightSpecs, weightData }))
  } catch (cause) {
    throw new SaltflatError('ERR_STATE', `Expected a model that tfjs can make, received from ${path}: ${said(cause)}`, {
      cause,
    })
  }
}

function weightsIn(file: string, path: string): Promise<Buffer> {
  return readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new SaltflatError(
      'ERR_STATE',
      `Expected the weights of ${path} in ${file}, received ${cause.code}. Keep the files of a model together, as tfjs has saved them.`,
      { cause },
    )
  })
}

function parsed(text: string, path: string): ModelFile {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    throw refused(path, 'a text that is no JSON')
  }
  if (typeof found !== 'object' || found === null) throw refused(path, 'a JSON that is no object')
  return found
}

function refused(path: string, received: string): SaltflatError {
  return new SaltflatError(
    'ERR_STATE',
    `Expected the model.json of a saved tfjs model in ${path}, received ${received}.`,
  )
}
