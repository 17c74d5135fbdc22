import test from 'ava'
import { wasmMemory } from '../../../src/grads/kernels/memory.ts'
import { sgd } from '../../../src/index.ts'
import { bits, onEachBackend, tf } from '../../helpers/backends.ts'

interface Heap {
  makeOutput(shape: number[], dtype: string): tf.TensorInfo
  numDataIds(): number
  wasm: { _malloc(bytes: number): number }
}

/** Runs `body` with a heap that is full for the `after + 1`-th tensor that our kernels ask for, and for that one only. */
function withFull(after: number, body: () => void): void {
  const backend = tf.backend() as unknown as Heap
  const { makeOutput } = backend
  const { _malloc } = backend.wasm
  let left = after
  backend.makeOutput = function (shape, dtype) {
    const ours = /kernels.memory\.ts/.test(new Error().stack!)
    if (ours && left-- === 0) backend.wasm._malloc = () => 0
    try {
      return makeOutput.call(this, shape, dtype)
    } finally {
      backend.wasm._malloc = _malloc
    }
  }
  try {
    body()
  } finally {
    backend.makeOutput = makeOutput
  }
}

const held = () => (tf.backend() as unknown as Heap).numDataIds()

onEachBackend(
  test,
  'a full heap gives no tensor at address 0, and what the kernel has made is given back',
  (t) => {
    const before = held()
    const memory = wasmMemory(tf.backend())
    withFull(1, () => {
      memory.make([3])
      t.throws(() => memory.make([2, 5]), { code: 'ERR_OUT_OF_MEMORY', message: /40 bytes/ })
    })
    t.is(held(), before)
    const empty = memory.make([0])
    memory.dispose(empty)
    t.is(held(), before)
  },
  ['wasm'],
)

onEachBackend(
  test,
  'a full heap in any kernel of a step: an error, nothing kept, and the weights as before',
  (t) => {
    const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed)
    const x = normal([2, 6, 6, 2], 1) as tf.Tensor4D
    const filters = [normal([3, 3, 2, 3], 2), normal([3, 3, 3, 2], 3)].map((one) => {
      const variable = tf.variable(one)
      one.dispose()
      return variable as tf.Tensor as tf.Variable<tf.Rank.R4>
    })
    const loss = () => {
      const hidden = tf.tanh(tf.conv2d(x, filters[0]!, 1, 'same'))
      return tf.mean(tf.square(tf.conv2d(hidden as tf.Tensor4D, filters[1]!, 2, 'valid'))) as tf.Scalar
    }
    const optimizer = sgd({ learningRate: 0.1 })
    const step = () => optimizer.minimize(loss, false, filters)
    step()
    const before = filters.map(bits)
    const [{ numTensors }, data] = [tf.memory(), held()]
    let failed = 0
    for (let after = 0; ; after++) {
      let code: unknown
      withFull(after, () => {
        try {
          step()
        } catch (error) {
          code = (error as { code: unknown }).code ?? error
        }
      })
      if (code === undefined) break
      failed++
      t.is(code, 'ERR_OUT_OF_MEMORY', `tensor ${after}`)
      t.deepEqual(filters.map(bits), before, `tensor ${after}`)
      t.is(tf.memory().numTensors, numTensors, `tensor ${after}`)
      t.is(held(), data, `tensor ${after}`)
    }
    t.true(failed > 3)
    t.notDeepEqual(filters.map(bits), before)
    optimizer.dispose()
    x.dispose()
  },
  ['wasm'],
)
