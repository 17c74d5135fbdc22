import test from 'ava'
import { withKernels } from '../../../src/grads/kernels/index.ts'
import { adam, nso } from '../../../src/index.ts'
import { onEachBackend, tf } from '../../helpers/backends.ts'
import { numbers } from './helper.ts'

interface Heap {
  numDataIds(): number
  refCount(dataId: object): number
}

const held = () => (tf.backend() as unknown as Heap).numDataIds()
const clone = (x: tf.Tensor) => withKernels('wasm', () => x.clone())
const makers: (() => tf.Tensor)[] = [
  () => tf.tensor2d([Number.NaN, -0, Infinity, 1e-42, 3, -4], [2, 3]),
  () => tf.tensor1d([1, -(2 ** 31), 7], 'int32'),
  () => tf.tensor1d([true, false], 'bool'),
  () => tf.tensor1d(['a', 'bc'], 'string'),
  () => tf.zeros([0, 3]),
  () => tf.scalar(5),
]

onEachBackend(
  test,
  'a clone has the values, shape and type of what it was made from, whichever of the two is left',
  (t) => {
    for (const make of makers) {
      for (const first of ['clone', 'original']) {
        const original = make()
        const { dtype, shape } = original
        const expected = original.dataSync().slice()
        const copy = clone(original)
        t.deepEqual([copy.dtype, copy.shape], [dtype, shape])
        const [gone, left] = first === 'clone' ? [copy, original] : [original, copy]
        gone.dispose()
        // What is freed is written over by what comes next.
        const next = tf.fill([16], 9)
        t.deepEqual(left.dataSync(), expected, `${dtype} of ${shape}, the ${first} gone first`)
        tf.dispose([left, next])
      }
    }
  },
  ['wasm'],
)

onEachBackend(
  test,
  'it takes no memory, and the last one frees it',
  (t) => {
    const { numTensors, numBytes } = tf.memory()
    const before = held()
    const x = tf.ones([1000])
    const clones = [clone(x), clone(x)]
    t.is(held(), before + 1)
    t.is((tf.backend() as unknown as Heap).refCount(x.dataId), 3)
    x.dispose()
    clones[0]!.dispose()
    t.is(held(), before + 1)
    clones[1]!.dispose()
    t.is(held(), before)
    t.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes])
  },
  ['wasm'],
)

onEachBackend(
  test,
  'a variable that takes over a clone is not written with it',
  (t) => {
    const [w, v] = tf.tidy(() => [tf.variable(tf.tensor1d([1, 2, 3])), tf.variable(tf.zeros([3]))] as const)
    const optimizer = nso(adam({ learningRate: 0.1 }), { sigma: 0.01, seed: 1 })
    // As a target network does it.
    const loss = () => {
      v.assign(w.clone())
      return tf.sum(tf.square(w)) as tf.Scalar
    }
    optimizer.minimize(loss, false, [w])
    const taken = [...v.dataSync()]
    optimizer.minimize(() => tf.sum(tf.square(w)) as tf.Scalar, false, [w])
    t.deepEqual([...v.dataSync()], taken)
    t.notDeepEqual([...w.dataSync()], taken)
    tf.dispose([w, v])
    optimizer.dispose()
  },
  ['wasm'],
)

onEachBackend(
  test,
  'the gradient of a dense layer copies no kernel',
  (t) => {
    const random = numbers(3)
    const w = tf.tidy(() => tf.variable(tf.tensor(random(60), [10, 6])))
    const x = tf.tensor(random(40), [4, 10])
    const loss = () => tf.sum(tf.square(tf.matMul(x, w as tf.Tensor as tf.Tensor2D))) as tf.Scalar
    const gradient = () => tf.tidy(() => tf.variableGrads(loss, [w]).grads[w.name]!)
    const { move } = tf.backend() as unknown as { move(...args: [object, unknown, number[]]): void }
    const copies: number[][] = []
    const counted = (f: () => tf.Tensor) => {
      copies.length = 0
      const backend = tf.backend() as unknown as { move: typeof move }
      backend.move = function (dataId, values, shape, ...rest) {
        if (`${shape}` === '10,6') copies.push(shape)
        return move.call(this, dataId, values, shape, ...rest)
      }
      try {
        return f()
      } finally {
        backend.move = move
      }
    }
    const stock = counted(gradient)
    const among = copies.length
    const ours = counted(() => withKernels('wasm', gradient))
    t.true(among > 0)
    t.is(copies.length, 0)
    const [a, b] = [stock, ours].map((one) => one.dataSync())
    t.true(a!.every((value, i) => Math.abs(value - b![i]!) <= 1e-5 * Math.max(1, Math.abs(value))))
    tf.dispose([w, x, stock, ours])
  },
  ['wasm'],
)
