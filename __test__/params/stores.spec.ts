import test from 'ava'
import { loadBinding } from '../../src/native/index.ts'
import { openCpu } from '../../src/params/cpu.ts'
import { openPortable } from '../../src/params/portable.ts'
import { openStore, stores } from '../../src/params/registry.ts'
import type { OpenStore } from '../../src/params/store.ts'
import { openAligned } from '../../src/params/tensorflow.ts'
import { backends, bits, onEachBackend, tf } from '../helpers/backends.ts'
import { packed } from '../native/packed.ts'

/** One contract for every store: the one that its backend chooses, and the portable one everywhere. */
const table: [string, readonly OpenStore[]][] = [
  ['own', stores],
  ['aligned', [openAligned, ...stores]],
  ['portable', [openPortable]],
]

/** Shapes that corner stores: matrix, vector, scalar, nothing, one more than a cache line. */
function variables(): tf.Variable[] {
  const shapes: number[][] = [[5, 7], [3], [], [0], [17]]
  return shapes.map((shape, i) => {
    const start = tf.randomNormal(shape, 0, 1, 'float32', i + 1)
    const variable = tf.variable(start)
    start.dispose()
    return variable
  })
}

for (const [kind, candidates] of table) {
  const on = (title: string, body: Parameters<typeof onEachBackend>[2]) =>
    onEachBackend(test, `${kind}: ${title}`, body)
  const open = (list: readonly tf.Variable[]) => openStore(list, candidates)

  on('adoption changes no bit, and fits its backend', (t, backend) => {
    const list = variables()
    const before = list.map(bits)
    const store = open(list)
    t.deepEqual(list.map(bits), before)
    t.is(store.name, kind === 'portable' ? 'portable' : backend)
    t.deepEqual(
      store.read().map((values) => new Uint32Array(values.slice().buffer)),
      before,
    )
  })

  on('what is filled is what the next op computes with, again and again', (t) => {
    const list = variables()
    const store = open(list)
    const x = tf.ones([2, 5])
    for (let round = 1; round <= 3; round++) {
      store.write((out) => {
        for (const values of out) values.fill(round)
      })
      // matMul, because wasm packs its weights by tensor id; add, because TensorFlow may share memory.
      const product = tf.tidy(() => tf.matMul(x as tf.Tensor2D, list[0] as unknown as tf.Tensor2D))
      t.deepEqual([...product.dataSync()], Array(14).fill(5 * round))
      product.dispose()
      t.is(list[2]!.dataSync()[0], round)
      t.is(list[3]!.dataSync().length, 0)
    }
    x.dispose()
  })

  on('clones, reshapes and slices that the user keeps never change', (t) => {
    const list = variables()
    const store = open(list)
    const kept = [
      list[0]!.clone(),
      tf.reshape(list[0]!, [7, 5]),
      tf.expandDims(list[1]!, 0),
      tf.slice(list[4]!, [0], [16]),
      tf.tidy(() => tf.reshape(tf.reshape(list[4]!, [1, 17]), [17])),
    ]
    const before = kept.map(bits)
    for (let round = 0; round < 3; round++) store.write((out) => out.map((values) => values.fill(round + 40)))
    t.deepEqual(kept.map(bits), before)
    t.is(list[0]!.dataSync()[0], 42)
    tf.dispose(kept)
    store.write((out) => out.map((values) => values.fill(50)))
    t.is(list[0]!.dataSync()[34], 50)
  })

  on('what lies in one piece may be written there, until one of the slots is left to somebody', (t) => {
    const list = variables()
    const store = open(list)
    store.write((out, whole) => {
      t.is(whole === null, store.name === 'wasm' || store.name === 'portable')
      let start = 0
      for (const [i, values] of out.entries()) {
        ;(whole?.subarray(start, start + values.length) ?? values).fill(i + 1)
        start += Math.ceil(values.length / 64) * 64
      }
      t.is(whole?.length ?? start, start)
    })
    for (const [i, one] of list.entries()) t.true(one.dataSync().every((value) => value === i + 1))
    const kept = list[0]!.clone()
    store.write((out, whole) => {
      t.is(whole, null)
      for (const values of out) values.fill(7)
    })
    t.deepEqual([kept.dataSync()[0], list[0]!.dataSync()[0]], [1, 7])
    kept.dispose()
  })

  on('a tensor given to assign is noticed, read, and never changes', (t) => {
    const list = variables()
    const store = open(list)
    t.false(store.changed())
    const given = tf.fill([3], 9)
    list[1]!.assign(given as tf.Tensor1D)
    t.true(store.changed())
    t.deepEqual([...store.read()[1]!], [9, 9, 9])
    store.write((out) => out.map((values) => values.fill(1)))
    t.false(store.changed())
    t.deepEqual([...given.dataSync()], [9, 9, 9])
    t.deepEqual([...list[1]!.dataSync()], [1, 1, 1])
    given.dispose()
  })

  on('a fill that throws leaves variables that compute, and no tensor', (t) => {
    const list = variables()
    const store = open(list)
    const tensors = tf.memory().numTensors
    t.throws(() => store.write(() => fail()), { message: 'stop' })
    t.is(tf.memory().numTensors, tensors)
    store.write((out) => out.map((values) => values.fill(2)))
    t.deepEqual([...list[1]!.dataSync()], [2, 2, 2])
  })

  on('gradients are read, also one that is a variable itself', (t) => {
    const list = variables()
    const store = open(list)
    const gradient = tf.mul(list[0]!, 2)
    const own = list[1]!.clone()
    const expected = [bits(gradient), bits(own)]
    const weights = new (loadBinding().Workspace)([35, 4, 3], 'mean', { sums: 1 })
    const out = [new Float32Array(35), new Float32Array(4), new Float32Array(3)]
    weights.finish(packed(asItIs, 3), store.values([gradient, null, own]), out)
    t.deepEqual(
      [0, 2].map((tensor) => [...new Uint32Array(weights.vector('mean', tensor).buffer)]),
      expected.map((one) => [...one]),
    )
    weights.dispose()
    tf.dispose([gradient, own])
  })

  on('a hundred writes keep the number of tensors and bytes', (t) => {
    const list = variables()
    const store = open(list)
    store.write((out) => out.map((values) => values.fill(0)))
    const { numTensors, numBytes } = tf.memory()
    for (let round = 0; round < 100; round++) store.write((out) => out.map((values) => values.fill(round)))
    t.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes])
  })
}

/** The mean is the gradient. */
const asItIs = {
  learningRate: 0,
  beta1: 0,
  beta2: 0,
  epsilon: 0,
  clipNorm: 0,
  clipValue: 0,
  first: 1,
  lastOf: 1,
  last: 1,
  pair: 0,
  sum: 0,
  scale: 1,
  paired: 0,
  step: 1,
}

test.serial('a store refuses a backend that is not its own', async (t) => {
  for (const backend of backends) {
    await tf.setBackend(backend)
    const store = openCpu([], tf.engine().backend)
    t.is(store === null, backend !== 'cpu')
  }
})

function fail(): never {
  throw new Error('stop')
}
