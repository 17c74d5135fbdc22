import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import type { ExecutionContext } from 'ava'
import { withKernels } from '../../../src/grads/kernels/index.ts'

const wasmPackage = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
setWasmPaths(`${dirname(wasmPackage)}/`)

export { tf }

export interface Values {
  shape: number[]
  values: number[]
  dtype?: 'float32' | 'int32'
}

/** Runs one kernel on a backend, stock or replaced, and gives back what it computed. */
export async function runKernel(
  backend: 'cpu' | 'wasm' | 'tensorflow',
  kernels: 'stock' | 'ours',
  kernelName: string,
  inputs: Record<string, Values>,
  attrs: object,
): Promise<Values> {
  await tf.setBackend(backend)
  const call = () =>
    tf.tidy(() => {
      const tensors = Object.entries(inputs).map(([name, { values, shape, dtype = 'float32' }]) => [
        name,
        tf.tensor(values, shape, dtype),
      ])
      const result = tf.engine().runKernel(kernelName, Object.fromEntries(tensors), attrs as tf.NamedAttrMap)
      return tf.keep(result as tf.Tensor)
    })
  // tfjs then throws when a kernel leaves scratch tensors behind. Not for whole models: it takes the copies that wasm saves for the
  // backward pass for leaks.
  tf.env().set('IS_TEST', true)
  let result: tf.Tensor
  try {
    result = kernels === 'ours' ? withKernels(backend, call) : call()
  } finally {
    tf.env().set('IS_TEST', false)
  }
  const { shape } = result
  const values = [...result.dataSync()]
  result.dispose()
  return { shape, values }
}

/** Largest difference as a share of the largest expected value. */
export function difference(actual: readonly number[], expected: readonly number[]): number {
  let error = 0
  let norm = 1e-6
  for (let i = 0; i < expected.length; i++) {
    // A NaN must not pass: Math.max would drop it only if it came first.
    const d = Math.abs(actual[i]! - expected[i]!)
    if (!(d <= error)) error = d
    norm = Math.max(norm, Math.abs(expected[i]!))
  }
  return error / norm
}

export function close(t: ExecutionContext, actual: Values, expected: Values, label: string, tolerance = 1e-4): void {
  t.deepEqual(actual.shape, expected.shape, label)
  const error = difference(actual.values, expected.values)
  t.true(error <= tolerance, `${label}: relative difference ${error}`)
}

/** Seeded numbers in −1 … 1. */
export function numbers(seed: number): (size: number) => number[] {
  let state = seed >>> 0
  return (size) =>
    Array.from({ length: size }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 31 - 1
    })
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

/** Central differences in float64 of a scalar function. */
export function centralDifference(f: (x: number[]) => number, x: readonly number[], step = 1e-4): number[] {
  return x.map((_, i) => {
    const at = (delta: number) => f(x.map((v, j) => (j === i ? v + delta : v)))
    return (at(step) - at(-step)) / (2 * step)
  })
}
