import test from 'ava'
import { replacements, withKernels } from '../../../src/grads/kernels/index.ts'
import { backends } from '../../helpers/backends.ts'
import { difference, tf } from './helper.ts'

/** What tfjs has registered now, down to the functions. */
const registry = () =>
  backends.map((backend) => new Map(tf.getKernelsForBackend(backend).map((k) => [k.kernelName, k.kernelFunc])))

const stock = new Map(replacements.map((row) => [row, tf.getKernel(row.kernelName, row.backendName)?.kernelFunc]))

const installed = (backendName: string) =>
  replacements
    .filter((row) => row.backendName === backendName)
    .every((row) => tf.getKernel(row.kernelName, backendName)?.kernelFunc !== stock.get(row))

const warnings: unknown[][] = []
test.before(() => {
  console.warn = (...args) => warnings.push(args)
})

test.serial('kernels are there while f runs and the registry is as before afterwards', (t) => {
  const before = registry()
  for (const backend of backends) {
    t.false(installed(backend))
    t.is(
      withKernels(backend, () => {
        t.true(installed(backend))
        return 7
      }),
      7,
    )
    t.deepEqual(registry(), before)
  }
  t.falsy(tf.getKernel('UnsortedSegmentSum', 'wasm'))
  t.deepEqual(warnings, [])
})

test.serial('a throw restores the registry too', (t) => {
  const before = registry()
  const thrown = new Error('from inside')
  t.is(
    t.throws(() =>
      withKernels('wasm', () => {
        throw thrown
      }),
    ),
    thrown,
  )
  t.deepEqual(registry(), before)
})

test.serial('nested calls, also of another backend and with a throw inside', (t) => {
  const before = registry()
  withKernels('wasm', () => {
    withKernels('wasm', () => t.true(installed('wasm')))
    t.throws(() =>
      withKernels('cpu', () =>
        withKernels('wasm', () => {
          throw new Error('inner')
        }),
      ),
    )
    t.true(installed('wasm'))
    t.false(installed('cpu'))
  })
  t.deepEqual(registry(), before)
})

test.serial('a kernel that f registers in a place that was empty stays', (t) => {
  const own = () => []
  withKernels('wasm', () => {
    tf.unregisterKernel('UnsortedSegmentSum', 'wasm')
    tf.registerKernel({ kernelName: 'UnsortedSegmentSum', backendName: 'wasm', kernelFunc: own })
  })
  t.is(tf.getKernel('UnsortedSegmentSum', 'wasm')?.kernelFunc, own)
  tf.unregisterKernel('UnsortedSegmentSum', 'wasm')
})

test.serial('a backend without replacements is left alone', (t) => {
  t.is(
    withKernels('webgl', () => 3),
    3,
  )
})

function convNet(): tf.Sequential {
  const seed = (s: number) =>
    tf.initializers.varianceScaling({ scale: 2, mode: 'fanIn', distribution: 'normal', seed: s })
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [12, 12, 2],
        filters: 3,
        kernelSize: 3,
        padding: 'same',
        kernelInitializer: seed(1),
      }),
      tf.layers.batchNormalization(),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, activation: 'tanh', kernelInitializer: seed(2) }),
      tf.layers.conv2d({ filters: 4, kernelSize: 2, padding: 'same', kernelInitializer: seed(4) }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 16, activation: 'tanh', kernelInitializer: seed(5) }),
      tf.layers.dense({ units: 5, kernelInitializer: seed(6) }),
    ],
  })
}

function embeddingNet(): tf.Sequential {
  const seed = (s: number) => tf.initializers.randomNormal({ stddev: 0.5, seed: s })
  return tf.sequential({
    layers: [
      tf.layers.embedding({ inputDim: 11, outputDim: 6, inputLength: 7, embeddingsInitializer: seed(1) }),
      tf.layers.dense({ units: 8, activation: 'tanh', kernelInitializer: seed(2) }),
      tf.layers.globalAveragePooling1d({}),
      tf.layers.dense({ units: 3, kernelInitializer: seed(3) }),
    ],
  })
}

/** One gradient evaluation of a whole model; the gradients in the order of the weights. */
function gradients(model: tf.Sequential, x: tf.Tensor, y: tf.Tensor): tf.Tensor[] {
  return tf.tidy(() => {
    const variables = model.trainableWeights.map((w) => w.read() as tf.Variable)
    const loss = () => tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor).asScalar()
    const { grads } = tf.variableGrads(loss, variables)
    return variables.map((v) => grads[v.name]!)
  })
}

async function on(backend: 'cpu' | 'wasm', make: () => tf.Sequential, x: tf.Tensor, y: tf.Tensor): Promise<number[][]> {
  await tf.setBackend(backend)
  const model = make()
  const evaluate = () => gradients(model, x, y)
  const grads = backend === 'wasm' ? withKernels(backend, evaluate) : evaluate()
  const values = grads.map((g) => [...g.dataSync()])
  tf.dispose(grads)
  if (backend === 'wasm') {
    // BatchNormalization replaces its moving averages once, so the count is taken after a first call.
    const { numTensors } = tf.memory()
    const numDataIds = tf.backend().numDataIds()
    for (let i = 0; i < 100; i++) withKernels(backend, () => tf.dispose(gradients(model, x, y)))
    values.push([tf.memory().numTensors - numTensors, tf.backend().numDataIds() - numDataIds])
  } else values.push([0, 0])
  model.dispose()
  return values
}

const models: [string, () => tf.Sequential, () => tf.Tensor, number][] = [
  ['conv net', convNet, () => tf.randomNormal([6, 12, 12, 2], 0, 1, 'float32', 3), 5],
  ['embedding', embeddingNet, () => tf.randomUniform([6, 7], 0, 11, 'int32', 4), 3],
]
for (const [name, make, input, units] of models)
  test.serial(`${name}: the gradient on wasm equals stock cpu's, and 100 of them leak nothing`, async (t) => {
    await tf.setBackend('cpu')
    const x = input()
    const y = tf.randomNormal([6, units], 0, 1, 'float32', 5)
    const expected = await on('cpu', make, x, y)
    const actual = await on('wasm', make, x, y)
    t.deepEqual(actual.pop(), expected.pop(), 'tensors left, data ids left')
    t.is(actual.length, expected.length)
    expected.forEach((e, i) => {
      const error = difference(actual[i]!, e)
      // The bias before BatchNormalization has a gradient of rounding errors only.
      if (Math.max(...e.map(Math.abs)) > 1e-5) t.true(error < 1e-4, `weight ${i}: ${error}`)
    })
  })

test.serial('stock wasm cannot train either of them, so ours are still needed', async (t) => {
  await tf.setBackend('wasm')
  for (const [, make, input, units] of models) {
    const model = make()
    t.throws(() => gradients(model, input(), tf.zeros([6, units])), { message: /not registered for backend 'wasm'/ })
  }
})
