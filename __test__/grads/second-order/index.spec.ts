import { readFileSync } from 'node:fs'
import test from 'ava'
import { SaltflatError } from '../../../src/errors.ts'
import { withSecondOrder } from '../../../src/grads/second-order/index.ts'
import { backends, onEachBackend, tf } from '../../helpers/backends.ts'
import { Data, direction } from './case.ts'
import { cases } from './cases.ts'

interface Known {
  readonly name: string
  /** How far differences of stock first derivatives are from it, or why there are none. */
  readonly agreement: number | string
  readonly hv: number[][]
}

const oracle = new URL('../../oracle/second-order.json', import.meta.url)
const known = (JSON.parse(readFileSync(oracle, 'utf8')) as { cases: Known[] }).cases

/** Hv by the gradient of ⟨gradient, v⟩. */
function product(loss: () => tf.Scalar, variables: tf.Variable[], v: tf.Tensor[]): tf.Tensor[] {
  const { grads } = withSecondOrder(() =>
    tf.variableGrads(() => {
      const first = tf.variableGrads(loss, variables).grads
      return tf.addN(variables.map(({ name }, t) => tf.sum(tf.mul(first[name]!, v[t]!)))) as tf.Scalar
    }, variables),
  )
  return variables.map((one) => grads[one.name] ?? tf.zerosLike(one))
}

test('the table is as long as it says, and each row has its constants', (t) => {
  t.true(cases.length >= 60)
  t.deepEqual(
    cases.map(({ name }) => name),
    known.map(({ name }) => name),
  )
})

for (const [i, { name, build }] of cases.entries()) {
  onEachBackend(test, name, (t) => {
    const { hv } = known[i]!
    tf.tidy(() => {
      const { loss, variables } = build(tf, new Data(i + 1))
      const found = product(loss, variables, direction(tf, variables, 1000 + i))
      const apart = found.flatMap((row, k) => [...row.dataSync()].map((x, at) => x - hv[k]![at]!))
      const error = Math.hypot(...apart) / Math.hypot(...hv.flat())
      t.true(error <= 1e-4, `${error}`)
    })
  })
}

test('stock first derivatives agree with the constants, but for the known faults of tfjs', (t) => {
  const disagree = known.filter(({ agreement }) => typeof agreement === 'string' || agreement > 1e-4)
  t.deepEqual(
    disagree.map(({ name }) => name),
    [
      'where, comparisons', // Greater and LogicalAnd have no gradient
      'conv3dTranspose', // nor has Conv3DBackpropInputV2
      'averagePooling2d, overlapping, same', // AvgPoolGrad of the cpu backend takes the padding as part of a window
      'upSampling2d, nearest', // ResizeNearestNeighborGrad of the cpu backend
    ],
  )
})

onEachBackend(test, 'outside, tfjs is stock: also inside a throw, and after one', (t) => {
  const target = tf.engine() as unknown as Record<string, unknown>
  const kernels = ['Greater', 'Conv2DBackpropFilter', 'MaxPoolGrad', 'EluGrad']
  const state = () => [target.addTapeNode, target.runKernelFunc, ...kernels.map((name) => tf.getGradient(name))]
  const before = state()
  t.is(
    withSecondOrder(() => withSecondOrder(() => 7)),
    7,
  )
  t.deepEqual(state(), before)
  t.throws(
    () =>
      withSecondOrder(() => {
        t.notDeepEqual(state(), before)
        throw new Error('stop')
      }),
    { message: 'stop' },
  )
  t.deepEqual(state(), before)
})

onEachBackend(test, 'a gradient of the user is left alone', (t) => {
  const mine = { kernelName: 'Greater', gradFunc: () => ({}) }
  tf.registerGradient(mine)
  try {
    withSecondOrder(() => t.is(tf.getGradient('Greater'), mine))
    t.is(tf.getGradient('Greater'), mine)
  } finally {
    tf.unregisterGradient('Greater')
  }
})

onEachBackend(test, 'one that the user registers inside stays', (t) => {
  const mine = { kernelName: 'Greater', gradFunc: () => ({}) }
  withSecondOrder(() => {
    tf.unregisterGradient('Greater')
    tf.registerGradient(mine)
  })
  t.is(tf.getGradient('Greater'), mine)
  tf.unregisterGradient('Greater')
})

onEachBackend(test, 'what has no second derivative throws, and names the kernel', (t) => {
  const x = tf.tidy(() => tf.variable(tf.ones([1, 2, 2, 3])))
  const loss = () => tf.sum(tf.square(tf.localResponseNormalization(x as unknown as tf.Tensor4D))) as tf.Scalar
  const message = /LRNGrad|LRN/
  tf.tidy(() => {
    t.throws(() => product(loss, [x], [tf.ones(x.shape)]), { message })
  })
})

onEachBackend(test, 'first derivatives and third ones are right inside', (t) => {
  tf.tidy(() => {
    const x = tf.tensor1d([0.3, -0.7])
    const f = (y: tf.Tensor) => tf.sum(tf.tanh(y)) as tf.Scalar
    const g = (y: tf.Tensor) => tf.sum(tf.grad(f)(y)) as tf.Scalar
    const h = (y: tf.Tensor) => tf.sum(tf.grad(g)(y)) as tf.Scalar
    const [first, third] = withSecondOrder(() => [tf.grad(f)(x), tf.grad(h)(x)]) as [tf.Tensor, tf.Tensor]
    for (const [i, value] of [0.3, -0.7].entries()) {
      const s = 1 - Math.tanh(value) ** 2
      t.true(Math.abs(first.dataSync()[i]! - s) < 1e-6)
      t.true(Math.abs(third.dataSync()[i]! - s * (6 * Math.tanh(value) ** 2 - 2)) < 1e-5)
    }
  })
})

test.serial('what is not done at once is refused', async (t) => {
  await tf.setBackend(backends[0]!)
  const error = t.throws(() => withSecondOrder(async () => 1), { instanceOf: SaltflatError })
  t.is(error?.code, 'ERR_INVALID_ARGUMENT')
})
