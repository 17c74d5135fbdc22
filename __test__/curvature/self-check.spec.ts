import test from 'ava'
import { hessian } from '../../src/curvature/hessian.ts'
import { type Product, selfCheck } from '../../src/curvature/self-check.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code
const vector = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1))
const apart = (a: Float32Array, b: ArrayLike<number>) =>
  Math.hypot(...a.map((x, i) => x - b[i]!)) / Math.hypot(...Array.from(b))

type Loss = string | ((target: tf.Tensor, output: tf.Tensor) => tf.Tensor)

function net(
  activation: 'tanh' | 'relu',
  loss: Loss = 'binaryCrossentropy',
  kernelRegularizer?: ReturnType<typeof tf.regularizers.l1>,
): [tf.LayersModel, tf.Tensor, tf.Tensor] {
  const rest = { inputShape: [4], ...(kernelRegularizer && { kernelRegularizer }) }
  const layer = (units: number, seed: number, kind: 'tanh' | 'relu' | 'sigmoid') =>
    tf.layers.dense({ units, activation: kind, kernelInitializer: start(seed), ...rest })
  const model = tf.sequential({ layers: [layer(4, 1, activation), layer(2, 2, 'sigmoid')] })
  model.compile({ optimizer: 'sgd', loss: loss as string })
  return [model, random([9, 4], 3), tf.tidy(() => tf.sigmoid(random([9, 2], 4)))]
}

test('a product that is not symmetric, or not the derivative, is refused', (t) => {
  const double: Product = (v) => v.map((value) => 2 * value)
  const near: Product = (v) => v.map((value) => 2.01 * value)
  const turned: Product = (v) => v.map((_, i) => (i % 2 === 0 ? -1 : 1) * v[i ^ 1]!)
  const found = selfCheck(8, double, [double, near])
  t.is(found.asymmetry, 0)
  t.is(found.difference, 0)
  t.true(Math.abs(found.differenceError! - 0.01 / 2.01) < 1e-6)
  t.is(code(t.throws(() => selfCheck(8, turned, null))), 'ERR_LOSS')
  t.regex(t.throws(() => selfCheck(8, (v) => v.slice(), [double, near])).message, /agree with differences/)
  // Where two steps disagree, a difference proves nothing.
  const far: Product = (v) => v.map((value) => 4 * value)
  t.notThrows(() => selfCheck(8, (v) => v.slice(), [double, far]))
})

onEachBackend(test, 'of a smooth net, exact products and differences agree', async (t) => {
  const [model, x, y] = net('tanh')
  const before = weightsOf(model)
  const exact = hessian(model, x, y)
  t.is(exact.method, 'exact')
  t.is(exact.step, null)
  t.true(exact.selfCheck!.asymmetry < 1e-5)
  t.true(exact.selfCheck!.difference! < 2e-2)
  const difference = hessian(model, x, y, { method: 'difference' })
  t.deepEqual([difference.method, difference.smoothed, difference.passes], ['difference', false, 2])
  t.true(difference.selfCheck!.differenceError! < 2e-2)
  const v = vector(exact.size)
  t.true(apart(await difference.matvec(v), await exact.matvec(v)) < 2e-2)
  t.deepEqual(await difference.matvec(v), await difference.matvec(v))
  const [streamed, twice] = [
    hessian(model, [{ xs: x, ys: y }], { method: 'difference' }),
    hessian(model, [{ xs: x, ys: y }], { check: false }),
  ]
  t.is(streamed.selfCheck, null)
  t.deepEqual(await streamed.matvec(v), await difference.matvec(v))
  t.deepEqual(streamed.selfCheck, difference.selfCheck)
  await twice.matvec(v)
  t.is(twice.selfCheck, null)
  t.deepEqual(weightsOf(model), before)
  model.dispose()
  tf.dispose([x, y])
})

/** Smooth as a whole, however many kinks they are put together from. */
const smooth: Readonly<Record<string, Loss>> = {
  ...{ meanSquaredError: 'meanSquaredError', cosineProximity: 'cosineProximity' },
  ...{ categoricalCrossentropy: 'categoricalCrossentropy', logcosh: 'logcosh' },
  'tf.losses.softmaxCrossEntropy': (target, z) => tf.losses.softmaxCrossEntropy(target, z),
  'tf.losses.sigmoidCrossEntropy': (target, z) => tf.losses.sigmoidCrossEntropy(target, z),
  'tf.metrics.binaryCrossentropy': (target, p) => tf.metrics.binaryCrossentropy(target, p),
  'tf.logSumExp': (target, z) => tf.sub(tf.logSumExp(z, -1), tf.sum(tf.mul(target, z), -1)),
  'tf.logSoftmax': (target, z) => tf.neg(tf.sum(tf.mul(target, tf.logSoftmax(z)), -1)),
  'kinks of the targets': (target, z) =>
    tf.mul(tf.abs(target), tf.where(tf.greater(target, 0.5), tf.square(z), tf.exp(z))),
}

for (const [name, loss] of Object.entries(smooth)) {
  onEachBackend(test, `${name}: has no kinks, and is checked`, (t) => {
    const [model, x, y] = net('tanh', loss)
    t.true(hessian(model, x, y).selfCheck!.difference! < 2e-2)
    t.false(hessian(model, x, y, { method: 'difference' }).smoothed)
    if (typeof loss === 'function') {
      const variables = model.trainableWeights.map((one) => one.read() as tf.Variable)
      const whole = () => tf.tidy(() => tf.mean(loss(y, model.apply(x) as tf.Tensor)) as tf.Scalar)
      t.true(hessian(whole, { variables }).selfCheck!.difference! < 2e-2)
    }
    model.dispose()
    tf.dispose([x, y])
  })
}

onEachBackend(test, 'kinks before the variables are none', (t) => {
  const [model, x, y] = net('relu')
  const last = { filter: (_: string, i: number) => i > 1 }
  t.is(hessian(model, x, y).selfCheck!.difference, null)
  t.true(hessian(model, x, y, last).selfCheck!.difference! < 2e-2)
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'a wrong derivative in the loss function of a model is found', (t) => {
  const slopes: tf.Tensor[] = []
  // The gradient of exp that forgets where it is.
  const wrong = tf.customGrad((...args: unknown[]) => {
    const value = tf.exp(args[0] as tf.Tensor)
    const slope = tf.keep(tf.tensor(value.dataSync().slice(), value.shape))
    slopes.push(slope)
    return { value, gradFunc: (dy: tf.Tensor) => tf.mul(dy, slope) }
  })
  for (const [extra, found] of [
    [(z: tf.Tensor) => tf.mul(z, 0), true],
    [(z: tf.Tensor) => tf.relu(z), false],
  ] as const) {
    const [model, x, y] = net('tanh', (_, z) => tf.add(tf.square(wrong(tf.mul(z, 3))), extra(z)))
    const call = () => hessian(model, x, y)
    if (found) t.is(code(t.throws(call)), 'ERR_LOSS')
    else t.notThrows(call)
    model.dispose()
    tf.dispose([x, y])
  }
  tf.dispose(slopes)
})

onEachBackend(test, 'with kinks a difference wants its step, and says that it smooths', async (t) => {
  const rows: [tf.LayersModel, tf.Tensor, tf.Tensor, RegExp][] = [
    [...net('relu'), /Relu|_FusedMatMul/],
    [...net('tanh', 'meanAbsoluteError'), /\(Abs\)/],
    [...net('tanh', (a, b) => tf.mean(tf.abs(tf.sub(a, b)), -1)), /\(Abs\)/],
    [...net('tanh', 'hinge'), /\(Maximum\)/],
    [...net('tanh', 'meanSquaredError', tf.regularizers.l1({ l1: 0.1 })), /\(Abs\)/],
  ]
  for (const [model, x, y, kink] of rows) {
    const before = weightsOf(model)
    t.is(hessian(model, x, y).selfCheck!.difference, null)
    for (const check of [true, false]) {
      const error = t.throws(() => hessian(model, x, y, { method: 'difference', check }))
      t.is(code(error), 'ERR_INVALID_ARGUMENT')
      t.regex(error!.message, kink)
    }
    const smoothed = hessian(model, x, y, { method: 'difference', step: 0.1 })
    t.deepEqual([smoothed.smoothed, smoothed.step], [true, 0.1])
    t.true((await smoothed.matvec(vector(smoothed.size))).every(Number.isFinite))
    t.deepEqual(weightsOf(model), before)
    model.dispose()
    tf.dispose([x, y])
  }
})

onEachBackend(test, 'a wrong derivative of the user is found', (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([0.5, -0.3, 0.2])))
  // The gradient of sin that forgets where it is: its own gradient is 0.
  const wrong = tf.customGrad((...args: unknown[]) => {
    const [z, save] = args as [tf.Tensor, (tensors: tf.Tensor[]) => void]
    save([tf.cos(z)])
    const slope = tf.keep(
      tf.tensor(
        tf
          .tidy(() => tf.cos(z))
          .dataSync()
          .slice(),
        z.shape,
      ),
    )
    slopes.push(slope)
    return { value: tf.sin(z), gradFunc: (dy: tf.Tensor) => tf.mul(dy, slope) }
  })
  const slopes: tf.Tensor[] = []
  const loss = () => tf.tidy(() => tf.sum(tf.square(wrong(w))) as tf.Scalar)
  const error = t.throws(() => hessian(loss, { variables: [w] }))
  t.is(code(error), 'ERR_LOSS')
  t.regex(error!.message, /differences of gradients|symmetric/)
  t.notThrows(() => hessian(loss, { variables: [w], check: false }))
  tf.dispose(slopes)
})

onEachBackend(test, 'beside the weights a loss may not be defined', (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([1e-6, 1])))
  const H = hessian(() => tf.tidy(() => tf.neg(tf.sum(tf.log(w))) as tf.Scalar), { variables: [w] })
  t.is(H.selfCheck!.difference, null)
})

onEachBackend(test, 'batches that a stateful layer does not know are refused with the size', async (t) => {
  const model = tf.sequential()
  model.add(tf.layers.gru({ units: 2, stateful: true, batchInputShape: [4, 3, 2], recurrentActivation: 'sigmoid' }))
  model.add(tf.layers.dense({ units: 1 }))
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const x = random([8, 3, 2], 1)
  const y = random([8, 1], 2)
  const error = t.throws(() => hessian(model, x, y))
  t.is(code(error), 'ERR_SHAPE')
  t.regex(error!.message, /batches of 4 examples.*Set batchSize to 4/)
  const H = hessian(model, x, y, { batchSize: 4 })
  const v = vector(H.size)
  t.deepEqual(await H.matvec(v), await H.matvec(v))
  // The states that the layer has made for itself.
  tf.dispose((model.layers[0] as unknown as { states_: tf.Tensor[] }).states_)
  model.dispose()
  tf.dispose([x, y])
})
