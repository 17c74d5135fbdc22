import test from 'ava'
import { differenceProduct, differenceStep } from '../../src/grads/difference-product.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'

onEachBackend(test, 'of a cubic it is exact up to the step squared, and up to rounding', (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
  const loss = () => tf.tidy(() => tf.sum(tf.pow(w, 4)) as tf.Scalar)
  const v = Float32Array.of(3, 4)
  // f = Σw⁴, u = v/5: (g(w + δu) − g(w − δu))/2δ = 12w²u + 4δ²u³.
  for (const delta of [0.1, 0.5]) {
    const expected = [1, 2].map((at, i) => {
      const u = v[i]! / 5
      return 5 * (12 * at ** 2 * u + 4 * delta ** 2 * u ** 3)
    })
    const found = differenceProduct(loss, [w], v, delta)
    t.true(found.every((value, i) => Math.abs(value - expected[i]!) < 1e-4 * expected[i]!))
  }
  t.deepEqual(differenceProduct(loss, [w], new Float32Array(2), 0.1), new Float32Array(2))
})

onEachBackend(test, 'the step is 0.3·√ε·(1 + ‖W‖)', (t) => {
  const [a, b] = tf.tidy(() => [tf.variable(tf.tensor1d([3])), tf.variable(tf.tensor1d([0, 4]))]) as [
    tf.Variable,
    tf.Variable,
  ]
  t.true(Math.abs(differenceStep([a, b]) / (0.3 * Math.sqrt(1.1920928955078125e-7) * 6) - 1) < 1e-12)
})

onEachBackend(
  test,
  'weights are bit-equal afterwards, also after a throw, on values that another tensor shares',
  (t) => {
    const given = tf.tidy(() => tf.tensor1d([0.1, -0.2, 0.3]))
    const w = tf.tidy(() => tf.variable(given))
    const before = bits(w)
    let calls = 0
    const loss = () => tf.tidy(() => tf.sum(tf.tanh(tf.square(w))) as tf.Scalar)
    differenceProduct(loss, [w], Float32Array.of(1, 2, 3), 0.01)
    t.deepEqual(bits(w), before)
    for (const bad of [1, 2]) {
      calls = 0
      const failing = () => {
        if (++calls === bad) throw new Error('no')
        return loss()
      }
      t.throws(() => differenceProduct(failing, [w], Float32Array.of(1, 2, 3), 0.01), { message: /no/ })
      t.deepEqual(bits(w), before)
      t.deepEqual(bits(given), before)
    }
    given.dispose()
  },
)
