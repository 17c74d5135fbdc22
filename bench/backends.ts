import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import 'saltflat/tfjs-node-shim'
import * as tf from '@tensorflow/tfjs'

/** The tfjs backends that are measured, by the names that tfjs gives them. */
export type BackendName = 'cpu' | 'wasm' | 'tensorflow'

const require = createRequire(import.meta.url)

/** Loads a backend and makes it this process's. Each has a process of its own, so that their threads never meet. */
export async function openBackend(name: BackendName): Promise<void> {
  if (name === 'tensorflow') {
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
    require('@tensorflow/tfjs-node')
  }
  if (name === 'wasm') {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(`${join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist')}/`)
  }
  if (!(await tf.setBackend(name))) throw new Error(`The tfjs backend ${name} did not start.`)
  await tf.ready()
}
