import { getGradient, registerGradient, unregisterGradient } from '@tensorflow/tfjs-core'
import test from 'ava'
import { hessian } from '../../src/curvature/hessian.ts'
import { evaluate } from '../../src/grads/evaluate.ts'
import { withSecondOrder } from '../../src/grads/second-order/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random } from '../helpers/training.ts'

const paddings: Record<string, [number, number][]> = {
  reflect: [
    [1, 1],
    [2, 3],
  ],
  symmetric: [
    [0, 2],
    [4, 1],
  ],
}

for (const mode of ['reflect', 'symmetric'] as const) {
  onEachBackend(
    test,
    `mirrorPad, ${mode}: gradient and Hessian are those of differences, and nothing stays`,
    async (t) => {
      const stock = getGradient('MirrorPad').gradFunc
      const w = tf.tidy(() => tf.variable(random([2, 4], 1)))
      const loss = () =>
        tf.tidy(() => {
          const padded = tf.mirrorPad(w, paddings[mode]!, mode)
          const weights = tf.reshape(tf.linspace(-1, 2, padded.size), padded.shape)
          return tf.sum(tf.mul(weights, tf.pow(padded, 3))) as tf.Scalar
        })
      const [gradient] = evaluate(loss, [w]).gradients
      const found = gradient!.dataSync().slice()
      gradient!.dispose()
      const start = w.dataSync().slice()
      // Σ wᵢ·x³ over the places i where x has gone: which those are, mirrorPad itself says of numbers.
      const indices = tf.tidy(() => tf.mirrorPad(tf.reshape(tf.range(0, 8), [2, 4]), paddings[mode]!, mode).dataSync())
      const sums = [...start.keys()].map((k) =>
        [...indices].reduce((sum, one, i) => sum + (one === k ? -1 + (3 * i) / (indices.length - 1) : 0), 0),
      )
      for (const [k, x] of start.entries()) t.true(Math.abs(found[k]! - 3 * sums[k]! * x ** 2) < 1e-4, `${k}`)
      const H = hessian(loss, { variables: [w] })
      const product = await H.matvec(new Float32Array(8).fill(1))
      for (const [k, x] of start.entries()) t.true(Math.abs(product[k]! - 6 * sums[k]! * x) < 1e-4, `${k}`)
      for (const [k, x] of start.entries()) {
        const at = (value: number) =>
          tf.tidy(() => {
            w.assign(
              tf.tensor(
                start.map((one, i) => (i === k ? value : one)),
                [2, 4],
              ),
            )
            return loss().dataSync()[0]!
          })
        const slope = (at(x + 0.01) - at(x - 0.01)) / 0.02
        t.true(Math.abs(slope - found[k]!) < 0.02 * (1 + Math.abs(slope)), `${k}: ${slope} ${found[k]}`)
      }
      t.is(getGradient('MirrorPad').gradFunc, stock)
    },
  )
}

onEachBackend(test, 'floorDiv is constant by pieces', (t) => {
  const [a, b] = tf.tidy(() => [tf.variable(tf.tensor1d([3.5, -2.2])), tf.variable(tf.tensor1d([1.2]))]) as [
    tf.Variable,
    tf.Variable,
  ]
  const loss = () => tf.tidy(() => tf.add(tf.sum(tf.square(tf.floorDiv(a, b))), tf.sum(tf.mul(a, 2))) as tf.Scalar)
  const { gradients } = evaluate(loss, [a, b])
  t.deepEqual(
    gradients.map((one) => [...one!.dataSync()]),
    [[2, 2], [0]],
  )
  tf.dispose(gradients as tf.Tensor[])
})

test.serial('a gradient of the user stays, and what was there is back after a throw', async (t) => {
  await tf.setBackend('cpu')
  const stock = getGradient('FloorDiv')
  const { gradFunc } = stock
  t.throws(() =>
    withSecondOrder(() => {
      t.not(getGradient('FloorDiv').gradFunc, gradFunc)
      throw new Error('mine')
    }),
  )
  t.is(getGradient('FloorDiv').gradFunc, gradFunc)
  const own = { ...stock, gradFunc: (dy: tf.Tensor) => ({ a: () => tf.mul(dy, 7), b: () => tf.mul(dy, 0) }) }
  unregisterGradient('FloorDiv')
  registerGradient(own as never)
  const w = tf.variable(tf.scalar(3.5))
  const { gradients } = evaluate(() => tf.cast(tf.floorDiv(w, tf.scalar(2)), 'float32'), [w])
  t.is(gradients[0]!.dataSync()[0], 7)
  unregisterGradient('FloorDiv')
  registerGradient(stock)
})
