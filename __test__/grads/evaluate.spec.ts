import test from 'ava'
import { evaluate } from '../../src/grads/evaluate.ts'
import { tf } from './kernels/helper.ts'

/** Live tensors that `f` leaves. */
function left(f: () => unknown): number {
  const { numTensors } = tf.memory()
  f()
  return tf.memory().numTensors - numTensors
}

/** Gradients as numbers, and given back. */
function numbers(loss: () => tf.Scalar, variables: tf.Variable[]): { loss: number; gradients: (number[] | null)[] } {
  const { loss: value, gradients } = evaluate(loss, variables)
  const found = gradients.map((one) => (one === null ? null : [...one.dataSync()]))
  tf.dispose([...gradients] as tf.Tensor[])
  return { loss: value, gradients: found }
}

for (const backend of ['cpu', 'wasm'] as const) {
  test.serial(`${backend}: a pass leaves nothing but its gradients, in and outside a tidy`, async (t) => {
    await tf.setBackend(backend)
    const [x, y] = [tf.variable(tf.tensor1d([1, 2])), tf.variable(tf.scalar(3))]
    const loss = () => tf.add(tf.sum(tf.square(x)), tf.square(y)) as tf.Scalar
    const expected = { loss: 14, gradients: [[2, 4], [6]] }
    t.is(
      left(() => t.deepEqual(numbers(loss, [x, y]), expected)),
      0,
    )
    t.is(
      left(() => tf.tidy(() => t.deepEqual(numbers(loss, [x, y]), expected))),
      0,
    )
    t.is(
      left(() =>
        t.deepEqual(
          numbers(() => tf.tidy(loss), [x, y]),
          expected,
        ),
      ),
      0,
    )
    tf.dispose([x, y])
  })

  test.serial(`${backend}: a loss that is a variable, kept, or its own gradient stays`, async (t) => {
    await tf.setBackend(backend)
    const x = tf.variable(tf.scalar(2))
    const itself = numbers(() => x as tf.Tensor as tf.Scalar, [x])
    t.deepEqual(itself, { loss: 2, gradients: [[1]] })
    t.false(x.isDisposed)
    let kept: tf.Scalar | null = null
    const square = () => {
      kept = tf.keep(tf.square(x)) as tf.Scalar
      return kept
    }
    t.is(
      left(() => t.deepEqual(numbers(square, [x]), { loss: 4, gradients: [[4]] })),
      1,
    )
    t.is(kept!.dataSync()[0], 4)
    tf.dispose(kept!)
    const exponential = tf.customGrad((...args: unknown[]) => {
      const value = tf.exp(args[0] as tf.Tensor)
      return { value, gradFunc: () => [value] }
    })
    t.is(
      left(() => {
        const { loss, gradients } = numbers(() => exponential(x) as tf.Scalar, [x])
        t.deepEqual(gradients, [[loss]])
      }),
      0,
    )
    x.dispose()
  })

  test.serial(`${backend}: what a pass asks for is settled when it begins, whatever the loss freezes`, async (t) => {
    await tf.setBackend(backend)
    const [x, y, z] = [1, 2, 3].map((value) => tf.variable(tf.scalar(value))) as [tf.Variable, tf.Variable, tf.Variable]
    const toggling = (one: tf.Variable, to: boolean) => () => {
      one.trainable = to
      return tf.add(tf.square(x), tf.add(tf.square(y), tf.square(z))) as tf.Scalar
    }
    const given = (loss: () => tf.Scalar) => numbers(loss, [x, y, z]).gradients
    t.is(
      left(() => t.deepEqual(given(toggling(x, false)), [[2], [4], [6]])),
      0,
    )
    t.is(
      left(() => t.deepEqual(given(toggling(x, true)), [null, [4], [6]])),
      0,
    )
    tf.dispose([x, y, z])
  })

  test.serial(`${backend}: what fails leaves nothing`, async (t) => {
    await tf.setBackend(backend)
    const [x, other] = [tf.variable(tf.scalar(2)), tf.variable(tf.scalar(3))]
    const outside = tf.scalar(1)
    const mine = () => {
      throw new Error('mine')
    }
    const backward = tf.customGrad((...args: unknown[]) => ({
      value: tf.square(args[0] as tf.Tensor),
      gradFunc: () => {
        tf.scalar(1)
        return mine()
      },
    }))
    const failures: [string, () => unknown, string][] = [
      ['a loss that throws', () => [tf.square(x), mine()][1], 'ERR_LOSS'],
      ['a loss of no variable', () => tf.square(other), 'ERR_NO_GRADIENT'],
      ['a loss made outside', () => outside, 'ERR_NO_GRADIENT'],
      ['a loss of two numbers', () => tf.stack([x, x]), 'ERR_LOSS'],
      ['a loss that is not finite', () => tf.div(tf.square(x), 0), 'ERR_NOT_FINITE'],
      ['a gradient that throws', () => backward(x), 'ERR_LOSS'],
    ]
    for (const [what, loss, code] of failures) {
      t.is(
        left(() => t.throws(() => evaluate(loss as () => tf.Scalar, [x]), { code }, what)),
        0,
        what,
      )
    }
    t.is(outside.dataSync()[0], 1)
    tf.dispose([x, other, outside])
  })
}
