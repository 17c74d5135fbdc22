import test from 'ava'
import { withKernels } from '../../../src/grads/kernels/index.ts'
import { close, numbers, runKernel, sizeOf, tf } from './helper.ts'

const name = 'BatchMatMul'
const sizes: [number, number, number][] = [
  [1, 1, 1],
  [3, 5, 2],
  [5, 1, 7],
  [17, 33, 9],
  [9, 4, 40],
  [64, 30, 10],
]
const outers: [number[], number[]][] = [
  [[], []],
  [[1], [1]],
  [
    [1, 1],
    [1, 1],
  ],
  [[3], [3]],
  [[3], [1]],
]
for (const transposeA of [false, true])
  for (const transposeB of [false, true])
    for (const [outerA, outerB] of outers)
      test.serial(
        `equals the stock cpu kernel: ${JSON.stringify({ transposeA, transposeB, outerA, outerB })}`,
        async (t) => {
          for (const [rows, inner, columns] of sizes) {
            const draw = numbers(rows)
            const of = (shape: number[]) => ({ shape, values: draw(sizeOf(shape)) })
            const a = of([...outerA, ...(transposeA ? [inner, rows] : [rows, inner])])
            const b = of([...outerB, ...(transposeB ? [columns, inner] : [inner, columns])])
            const attrs = { transposeA, transposeB }
            const expected = await runKernel('cpu', 'stock', name, { a, b }, attrs)
            close(t, await runKernel('wasm', 'ours', name, { a, b }, attrs), expected, `${rows}x${inner}x${columns}`)
          }
        },
      )

test.serial('what it cannot do fails as in the stock kernel', async (t) => {
  const a = { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] }
  const fails = async (kernels: 'stock' | 'ours', dtype: 'float32' | 'int32', transposeA: boolean) =>
    (
      await t.throwsAsync(() =>
        runKernel(
          'wasm',
          kernels,
          name,
          { a: { ...a, dtype }, b: { ...a, dtype } },
          { transposeA, transposeB: !transposeA && dtype === 'int32' },
        ),
      )
    )?.message
  t.is(await fails('ours', 'int32', false), await fails('stock', 'int32', false))
  const wrong = { a, b: { shape: [3, 2], values: a.values } }
  const message = async (kernels: 'stock' | 'ours') =>
    (await t.throwsAsync(() => runKernel('wasm', kernels, name, wrong, { transposeA: true, transposeB: false })))
      ?.message
  t.is(await message('ours'), await message('stock'))
})

test.serial('a right operand seen before, also in another shape, is not taken from XNNPACK’s cache', async (t) => {
  await tf.setBackend('wasm')
  const numTensors = tf.memory().numTensors
  withKernels('wasm', () =>
    tf.tidy(() => {
      const b = tf.tensor([1, 2, 3, 4, 5, 6], [2, 3])
      const first = tf.matMul(tf.ones([2, 4]), b, true)
      const second = tf.matMul(tf.ones([3, 4]), b.reshape([3, 2]), true)
      t.deepEqual([...first.slice([0, 0], [1, 3]).dataSync()], [5, 7, 9])
      t.deepEqual([...second.slice([0, 0], [1, 2]).dataSync()], [9, 12])
    }),
  )
  t.is(tf.memory().numTensors, numTensors)
})

test.serial('values that come in a second shape, or as a clone, are packed for that', async (t) => {
  await tf.setBackend('wasm')
  const { numTensors } = tf.memory()
  const values = tf.backend().numDataIds()
  const w = tf.tidy(() => tf.variable(tf.tensor([1, 2, 3, 4, 5, 6], [2, 3])))
  const product = (a: tf.Tensor, b: tf.Tensor, transposeB = false) =>
    tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, false, transposeB)
  const [h, z] = [tf.tensor([1, 2], [1, 2]), tf.tensor([1, -1], [1, 2])]
  // Weights in two shapes, as where a decoder has those of its encoder: dz is dy·P′, of the clone that the product has kept.
  const loss = (x: tf.Tensor) =>
    tf.add(tf.sum(product(h, w)), tf.sum(product(x, w.reshape([3, 2]), true).mul([1, 10, 100]))) as tf.Scalar
  withKernels('wasm', () =>
    tf.tidy(() => {
      t.deepEqual([...product(h, w).dataSync()], [9, 12, 15])
      t.deepEqual([...product(tf.ones([1, 3]), w.reshape([3, 2])).dataSync()], [9, 12])
      t.deepEqual([...product(h, w.clone()).dataSync()], [9, 12, 15])
      t.deepEqual([...tf.grad(loss)(z).dataSync()], [1 + 30 + 500, 2 + 40 + 600])
    }),
  )
  tf.dispose([w, h, z])
  t.is(tf.memory().numTensors, numTensors)
  t.is(tf.backend().numDataIds(), values)
})

test.serial('values that a dense layer without bias has packed, or a product before the pass', async (t) => {
  await tf.setBackend('wasm')
  const z = tf.tensor2d([1, -1], [1, 2])
  const decoded = (w: tf.Tensor) => (x: tf.Tensor) =>
    tf.sum(tf.matMul(x as tf.Tensor2D, w.reshape([3, 2]), false, true).mul([1, 10, 100])) as tf.Scalar
  const first = { fused: tf.fused.matMul, plain: ({ a, b }: { a: tf.Tensor2D; b: tf.Tensor2D }) => tf.matMul(a, b) }
  for (const [name, product] of Object.entries(first))
    for (const within of [true, false]) {
      const w = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3])
      const encode = () => product({ a: z, b: w }).dispose()
      if (!within) encode()
      const slope = withKernels('wasm', () => {
        if (within) encode()
        return tf.grad(decoded(w))(z)
      })
      t.deepEqual([...slope.dataSync()], [1 + 30 + 500, 2 + 40 + 600], `${name}, ${within}`)
      tf.dispose([w, slope])
    }
  z.dispose()
})
