import test from 'ava'
import { Choice } from '../../../src/grads/kernels/choice.ts'
import { replacements, withKernels } from '../../../src/grads/kernels/index.ts'
import { hessian } from '../../../src/index.ts'
import { backends } from '../../helpers/backends.ts'
import { numbers, runKernel, sizeOf, tf } from './helper.ts'

const special = [Number.NaN, 0, -0, 1, -1, Infinity, -Infinity, 1e-42, -1e-42, 3.4e38, -3.4e38, 0.5]
const shapes = [[], [0], [1], [7], [3, 5], [2, 3, 4], [2, 3, 4, 2], [129, 513]]

if (backends.includes('tensorflow')) {
  for (const alpha of [0, -1, 0.2]) {
    test.serial(`as the stock kernel of tfjs-node, ${alpha} below 0`, async (t) => {
      for (const shape of shapes) {
        const values = numbers(3)(sizeOf(shape)).map((one, i) => (i % 3 === 0 ? 0 : one))
        const of = (kernels: 'stock' | 'ours') =>
          runKernel('tensorflow', kernels, 'Step', { x: { shape, values } }, { alpha })
        t.deepEqual(await of('ours'), await of('stock'), `${shape}`)
      }
    })
  }

  test.serial('it takes two operations of TensorFlow, in the gradient of relu too', async (t) => {
    await tf.setBackend('tensorflow')
    const backend = tf.backend() as unknown as { executeSingleOutput(name: string, ...rest: unknown[]): unknown }
    const { executeSingleOutput } = backend
    const seen: string[] = []
    backend.executeSingleOutput = function (name, ...rest) {
      seen.push(name)
      return executeSingleOutput.call(this, name, ...rest)
    }
    try {
      const gradient = tf.grad((x) => tf.relu(x))
      const values = withKernels('tensorflow', () => tf.tidy(() => gradient(tf.tensor1d([-1, 2])).dataSync()))
      t.deepEqual([...values], [0, 1])
    } finally {
      backend.executeSingleOutput = executeSingleOutput
    }
    t.deepEqual(
      seen.filter((name) => ['Sign', 'Relu', 'Select', 'IsNan', 'Greater'].includes(name)),
      ['Relu', 'Sign', 'Relu'],
    )
  })

  test.serial('where the second operation fails nothing is left', async (t) => {
    await tf.setBackend('tensorflow')
    const backend = tf.backend() as unknown as { executeSingleOutput(name: string, ...rest: unknown[]): unknown }
    const { executeSingleOutput } = backend
    const x = tf.tensor1d([1, -1])
    const { numTensors } = tf.memory()
    backend.executeSingleOutput = function (name, ...rest) {
      if (name === 'Relu') throw new Error('out of memory')
      return executeSingleOutput.call(this, name, ...rest)
    }
    try {
      t.throws(() => withKernels('tensorflow', () => tf.step(x)), { message: 'out of memory' })
    } finally {
      backend.executeSingleOutput = executeSingleOutput
    }
    t.is(tf.memory().numTensors, numTensors)
    x.dispose()
  })

  test.serial('of a later tfjs it is tried within a pass, and leaves no tensor and nothing on the tape', async (t) => {
    await tf.setBackend('tensorflow')
    const config = tf.getKernel('Step', 'tensorflow')!
    const { kernelFunc } = config
    const choice = new Choice(replacements.find(({ kernelName }) => kernelName === 'Step')!)
    t.is(choice.between(kernelFunc, true), 'untried')
    const chosen: unknown[] = []
    config.kernelFunc = (params) => {
      const serving = choice.decide(kernelFunc, params.backend)
      chosen.push(serving)
      return serving(params)
    }
    try {
      const x = tf.variable(tf.scalar(2))
      const { numTensors } = tf.memory()
      for (let pass = 0; pass < 2; pass++) {
        const { value, grads } = tf.variableGrads(() => tf.relu(x) as tf.Scalar, [x])
        t.is(grads[x.name]!.dataSync()[0], 1)
        tf.dispose([value, grads])
      }
      t.is(tf.memory().numTensors, numTensors)
    } finally {
      config.kernelFunc = kernelFunc
    }
    // It is right, so it stays.
    t.deepEqual(chosen, [kernelFunc, kernelFunc])
  })

  test.serial('integers, which tfjs-node has none of, fail as in the stock kernel', async (t) => {
    const x = { shape: [2], values: [1, -1], dtype: 'int32' as const }
    const message = async (kernels: 'stock' | 'ours') =>
      (await t.throwsAsync(runKernel('tensorflow', kernels, 'Step', { x }, { alpha: 0 })))?.message
    t.is(await message('ours'), await message('stock'))
  })

  test.serial('NaN, infinities and subnormal numbers as the stock kernels of tfjs-node and of cpu', async (t) => {
    const x = { shape: [special.length], values: special }
    const results = [
      await runKernel('tensorflow', 'ours', 'Step', { x }, { alpha: 0 }),
      await runKernel('tensorflow', 'stock', 'Step', { x }, { alpha: 0 }),
    ]
    // TensorFlow takes subnormal numbers for 0, the cpu backend does not.
    t.deepEqual(
      results[0]!.values.map((one) => one + 0),
      results[1]!.values.map((one) => one + 0),
    )
    const cpu = await runKernel('cpu', 'stock', 'Step', { x }, { alpha: 0 })
    for (const [i, value] of special.entries()) {
      if (Math.abs(value) > 1e-38 || value === 0) t.is(results[0]!.values[i]! + 0, cpu.values[i]! + 0, String(value))
    }
  })

  test.serial('gradients and second derivatives of relu by it, and no tensor left', async (t) => {
    await tf.setBackend('tensorflow')
    const x = tf.variable(tf.tensor1d([-2, -1, 0.5, 1, 3]))
    const loss = () => tf.sum(tf.mul(tf.square(tf.relu(x)), x)) as tf.Scalar // x³ above 0
    const { numTensors } = tf.memory()
    withKernels('tensorflow', () => {
      const { value, grads } = tf.variableGrads(loss, [x])
      t.deepEqual([...grads[x.name]!.dataSync()], [0, 0, 0.75, 3, 27])
      tf.dispose([value, grads])
    })
    t.is(tf.memory().numTensors, numTensors)
    const curved = hessian(loss, { variables: [x], check: false })
    t.deepEqual([...(await curved.matvec(Float32Array.from([1, 1, 1, 1, 1])))], [0, 0, 3, 6, 18])
  })
} else test('there is no tfjs-node here', (t) => t.pass())
