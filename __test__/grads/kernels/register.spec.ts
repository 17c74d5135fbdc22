// A file, so a process, of its own: what it registers stays.
import test from 'ava'
import { registerKernels, replacements, withKernels } from '../../../src/grads/kernels/index.ts'
import { backends } from '../../helpers/backends.ts'
import { tf } from './helper.ts'

const kernelOf = ({ kernelName, backendName }: (typeof replacements)[number]) =>
  tf.getKernel(kernelName, backendName)?.kernelFunc
const here = replacements.filter(({ backendName }) => backends.includes(backendName))
const stock = new Map(here.map((row) => [row, kernelOf(row)]))
const installed = () => here.map((row) => kernelOf(row) !== stock.get(row))

test.serial('registerKernels inside withKernels outlives it, warns nobody and can be repeated', (t) => {
  const warnings: unknown[][] = []
  console.warn = (...args) => warnings.push(args)
  withKernels('cpu', () => registerKernels())
  t.true(installed().every(Boolean))
  registerKernels()
  t.throws(() =>
    withKernels('wasm', () => {
      throw new Error('inside')
    }),
  )
  t.true(installed().every(Boolean))
  t.deepEqual(warnings, [])
})

test.serial(
  'registered before the wasm backend starts, stock kernels behind ours are set up all the same',
  async (t) => {
    await tf.setBackend('wasm')
    tf.tidy(() => {
      const product = tf.matMul(tf.tensor([1, 2, 3, 4], [2, 2]), tf.tensor([5, 6, 7, 8], [2, 2]), true)
      t.deepEqual([...product.dataSync()], [26, 30, 38, 44])
      t.deepEqual([...tf.matMul(tf.ones([1, 2]), tf.ones([2, 1])).dataSync()], [2])
    })
  },
)

test.serial('a model then trains on wasm', async (t) => {
  await tf.setBackend('wasm')
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [6, 6, 1], filters: 2, kernelSize: 3, padding: 'same' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 1 }),
    ],
  })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const { history } = await model.fit(tf.randomNormal([16, 6, 6, 1], 0, 1, 'float32', 1), tf.ones([16, 1]), {
    epochs: 5,
    verbose: 0,
  })
  t.true((history.loss![4] as number) < (history.loss![0] as number))
})
