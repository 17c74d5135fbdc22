import test from 'ava'
import { adam, nso } from '../../src/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'

interface Heap {
  makeOutput(shape: number[], dtype: string): tf.TensorInfo
  wasm: { _malloc(bytes: number): number }
}

/** Makes the heap full for the `after + 1`-th tensor that native code is to write to, and for that one only. */
function fill(after: number): { restore(): void } {
  const backend = tf.backend() as unknown as Heap
  const { makeOutput } = backend
  const { _malloc } = backend.wasm
  let left = after
  backend.makeOutput = function (shape, dtype) {
    // Kernels ask for outputs too, and would write to address 0 without a word.
    const ours = /params.wasm\.ts/.test(new Error().stack!)
    if (ours && left-- === 0) backend.wasm._malloc = () => 0
    try {
      return makeOutput.call(this, shape, dtype)
    } finally {
      backend.wasm._malloc = _malloc
    }
  }
  return {
    restore() {
      backend.makeOutput = makeOutput
    },
  }
}

onEachBackend(
  test,
  'a full heap at any write of a step: an error, the weights as before, and the next step as ever',
  (t) => {
    const make = () => {
      const list = [1, 2].map((seed) => tf.tidy(() => tf.variable(tf.randomNormal([7, 3], 0, 1, 'float32', seed))))
      const optimizer = nso(adam(), { sigma: 0.1, seed: 1, perturbations: 2 })
      const loss = () =>
        tf.tidy(() => tf.mean(tf.square(tf.add(tf.sum(list[0]!, 0), tf.sum(list[1]!, 0)))) as tf.Scalar)
      return { list, optimizer, step: () => optimizer.minimize(loss, false, list) }
    }
    const [job, twin] = [make(), make()]
    for (const { step } of [job, twin]) step()
    const before = job.list.map(bits)
    const { numTensors } = tf.memory()
    let failed = 0
    for (let after = 0; ; after++) {
      const heap = fill(after)
      let code: unknown
      try {
        job.step()
      } catch (error) {
        code = (error as { code: unknown }).code
      } finally {
        heap.restore()
      }
      if (code === undefined) break
      failed++
      t.true(code === 'ERR_OUT_OF_MEMORY', `write ${after}: ${code}`)
      t.deepEqual(job.list.map(bits), before, `write ${after}`)
      t.is(tf.memory().numTensors, numTensors, `write ${after}`)
    }
    // Two variables, in perturb, flip, accumulate, flip and finish.
    t.is(failed, 10)
    twin.step()
    t.deepEqual(job.list.map(bits), twin.list.map(bits))
    for (const { optimizer } of [job, twin]) optimizer.dispose()
  },
  ['wasm'],
)
