import '../../src/tfjs-node-shim.ts'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import type { ExecutionContext, TestFn } from 'ava'

const require = createRequire(import.meta.url)
setWasmPaths(`${join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist')}/`)

/** The package that serves the backend 'tensorflow'; `npm test -- --tfjs node-gpu` sets the other one. */
export const tensorflowPackage: string = process.env.SALTFLAT_TFJS ?? '@tensorflow/tfjs-node'

function hasTensorflow(): boolean {
  try {
    // The same tfjs-core as above: it registers one more backend.
    require(tensorflowPackage)
    return true
  } catch (error) {
    // Who asks for a package does not want to hear that all went well without it.
    if (process.env.SALTFLAT_TFJS) throw error
    console.warn("SKIPPED: backend 'tensorflow', whose binding is not there (npm run tfjs-node builds it)")
    return false
  }
}

/** The backends of this machine: each test of a table runs on all of them. */
export const backends: readonly string[] = hasTensorflow() ? ['cpu', 'wasm', 'tensorflow'] : ['cpu', 'wasm']

/** On tfjs-node-gpu, rows of the other backends would say what they say without it. */
const rows = tensorflowPackage.endsWith('-gpu') ? ['tensorflow'] : backends

/** One serial test a backend, with that backend active and a check that no tensor is left behind. */
export function onEachBackend(
  test: TestFn,
  title: string,
  body: (t: ExecutionContext, backend: string) => void | Promise<void>,
  chosen: readonly string[] = rows,
): void {
  for (const backend of chosen) {
    test.serial(`${backend}: ${title}`, async (t) => {
      await tf.setBackend(backend)
      await tf.ready()
      const before = tf.memory().numTensors
      await body(t, backend)
      tf.disposeVariables()
      t.is(tf.memory().numTensors, before, 'tensors left behind')
    })
  }
}

/** The bits of a tensor's values, copied: what a later in-place write cannot change. */
export function bits(tensor: tf.Tensor): Uint32Array {
  return new Uint32Array((tensor.dataSync() as Float32Array).slice().buffer)
}

export { tf }
