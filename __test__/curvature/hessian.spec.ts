import test from 'ava'
import { hessian } from '../../src/curvature/hessian.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

/** ½·wᵀAw with a symmetric A, w in two variables. */
function quadratic(n: number) {
  const matrix = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => 1 / (1 + i + j) + (i === j ? i : 0)),
  )
  const variables = [n - 1, 1].map((size) => tf.tidy(() => tf.variable(tf.ones([size]))))
  const loss = () => {
    const w = tf.reshape(tf.concat(variables), [n, 1])
    return tf.mul(0.5, tf.sum(tf.mul(w, tf.matMul(tf.tensor2d(matrix), w as tf.Tensor2D)))) as tf.Scalar
  }
  return { matrix, variables, loss }
}

/** A smooth net with BatchNorm, dropout and a regularizer, compiled. */
function net(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({
        units: 6,
        inputShape: [4],
        activation: 'tanh',
        kernelInitializer: start(1),
        kernelRegularizer: tf.regularizers.l2({ l2: 0.1 }),
      }),
      tf.layers.batchNormalization(),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  return model
}

function data(examples: number): [tf.Tensor, tf.Tensor] {
  return [random([examples, 4], 3), tf.tidy(() => tf.softmax(random([examples, 3], 4)))]
}

const vector = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1))

const apart = (a: Float32Array, b: ArrayLike<number>) =>
  Math.hypot(...a.map((x, i) => x - b[i]!)) / Math.hypot(...Array.from(b))

onEachBackend(test, 'of a quadratic it is the matrix', async (t) => {
  const { matrix, variables, loss } = quadratic(6)
  const H = hessian(loss, { variables })
  t.is(H.size, 6)
  t.deepEqual(H.blocks, [
    { name: variables[0]!.name, size: 5 },
    { name: variables[1]!.name, size: 1 },
  ])
  for (const [j, column] of matrix.entries()) {
    const unit = new Float32Array(6)
    unit[j] = 1
    t.true(apart(await H.matvec(unit), column) < 1e-6)
  }
})

onEachBackend(test, 'of a model: that of its loss at inference, whatever the batches', async (t) => {
  const model = net()
  const [x, y] = data(7)
  const before = weightsOf(model)
  const whole = hessian(model, x, y)
  const v = vector(whole.size)
  const expected = await whole.matvec(v)
  const loss = () => {
    const p = model.apply(x, { training: false }) as tf.Tensor
    const kernel = model.trainableWeights[0]!.read() as tf.Tensor
    const penalty = tf.mul(0.1, tf.sum(tf.square(kernel)))
    return tf.add(tf.mean(tf.metrics.categoricalCrossentropy(y, p)), penalty) as tf.Scalar
  }
  const variables = model.trainableWeights.map((one) => one.read() as tf.Variable)
  t.true(apart(await hessian(loss, { variables }).matvec(v), expected) < 1e-6)
  t.true(apart(await hessian(model, x, y, { batchSize: 3 }).matvec(v), expected) < 1e-5)
  t.deepEqual(weightsOf(model), before)
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'a filter takes rows and columns out', async (t) => {
  const model = net()
  const [x, y] = data(5)
  const H = hessian(model, x, y)
  // Without kernels, the first thing that a gradient meets is the bias of a fused layer.
  for (const filter of ['kernel', 'bias']) {
    const part = hessian(model, x, y, { filter })
    const sizes = H.blocks!.map(({ size }) => size)
    const kept = H.blocks!.flatMap(({ name, size }) => Array.from({ length: size }, () => name.includes(filter)))
    t.is(part.size, kept.filter(Boolean).length)
    t.true(sizes.length > part.blocks!.length)
    const v = vector(part.size)
    let next = 0
    const all = Float32Array.from(kept, (inside) => (inside ? v[next++]! : 0))
    const expected = (await H.matvec(all)).filter((_, i) => kept[i])
    t.true(apart(await part.matvec(v), expected) < 1e-5)
  }
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'in training mode BatchNorm is by the batch, dropout one mask, statistics stay', async (t) => {
  const model = net()
  const [x, y] = data(8)
  const before = weightsOf(model)
  const H = hessian(model, x, y, { training: true })
  const v = vector(H.size)
  const [first, second] = [await H.matvec(v), await H.matvec(v)]
  t.deepEqual(first, second)
  t.true(apart(first, await hessian(model, x, y).matvec(v)) > 1e-2)
  t.deepEqual(weightsOf(model), before)
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'a loss that wobbles, throws or has no second derivative is refused', async (t) => {
  const w = tf.tidy(() => tf.variable(tf.ones([1, 1, 1, 3])))
  let calls = 0
  const wobbling = () => tf.mul(++calls, tf.sum(w)) as tf.Scalar
  t.is(code(t.throws(() => hessian(wobbling, { variables: [w] }))), 'ERR_LOSS')
  const throwing = () => {
    throw new Error('no')
  }
  t.is(code(t.throws(() => hessian(throwing, { variables: [w] }))), 'ERR_LOSS')
  const rough = () => tf.sum(tf.square(tf.localResponseNormalization(w as unknown as tf.Tensor4D))) as tf.Scalar
  const unchecked = hessian(rough, { variables: [w], check: false })
  for (const call of [() => hessian(rough, { variables: [w] }), () => unchecked.matvec(new Float32Array(3))]) {
    const error = t.throws(() => void call())
    t.is(code(error), 'ERR_LOSS')
    t.regex(error!.message, /LRNGrad/)
  }
  t.deepEqual([...bits(w)], [...new Uint32Array(new Float32Array([1, 1, 1]).buffer)])
})

onEachBackend(test, 'what is not finite, or is disposed meanwhile, is refused', (t) => {
  const w = tf.tidy(() => tf.variable(tf.zeros([2])))
  const loss = () => tf.sum(tf.sqrt(w)) as tf.Scalar
  t.is(code(t.throws(() => hessian(loss, { variables: [w] }))), 'ERR_NOT_FINITE')
  const H = hessian(loss, { variables: [w], check: false })
  t.is(code(t.throws(() => void H.matvec(vector(2)))), 'ERR_NOT_FINITE')
  t.is(code(t.throws(() => void H.matvec(vector(3)))), 'ERR_SHAPE')
  t.is(code(t.throws(() => void H.matvec([1, 2] as never))), 'ERR_DTYPE')
  t.is(code(t.throws(() => void H.matvec(Float32Array.of(1, Number.NaN)))), 'ERR_NOT_FINITE')
  w.dispose()
  t.is(code(t.throws(() => void H.matvec(vector(2)))), 'ERR_DISPOSED')
})

onEachBackend(test, 'bad arguments are refused', (t) => {
  const model = net()
  const [x, y] = data(4)
  const bare = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
  const rows: [string, () => unknown][] = [
    ['ERR_STATE', () => hessian(bare, x, y)],
    ['ERR_INVALID_ARGUMENT', () => hessian(null as never, x, y)],
    ['ERR_INVALID_ARGUMENT', () => hessian(model, [x, x], y)],
    ['ERR_INVALID_ARGUMENT', () => hessian(model, x, undefined as never)],
    ['ERR_INVALID_ARGUMENT', () => hessian(model, x, y, { batchSize: 0 })],
    ['ERR_INVALID_ARGUMENT', () => hessian(model, x, y, { batchsize: 1 } as never)],
    ['ERR_INVALID_ARGUMENT', () => hessian(model, x, y, { filter: 'nothing' })],
    [
      'ERR_SHAPE',
      () =>
        hessian(
          model,
          x,
          tf.tidy(() => tf.slice(y, [0, 0], [3, 3])),
        ),
    ],
    ['ERR_EMPTY', () => hessian(() => tf.scalar(0), { variables: [] })],
    ['ERR_INVALID_ARGUMENT', () => hessian(() => tf.scalar(0), {} as never)],
  ]
  for (const [expected, call] of rows) tf.tidy(() => t.is(code(t.throws(call)), expected))
  const short = tf.tidy(() => tf.slice(y, [0, 0], [3, 3]))
  t.is(code(t.throws(() => hessian(model, x, short))), 'ERR_SHAPE')
  tf.dispose([x, y, short])
  model.dispose()
  bare.dispose()
})

onEachBackend(test, 'of a linear loss it is 0; of a loss of nothing it is refused as that', (t) => {
  const w = tf.tidy(() => tf.variable(tf.ones([3])))
  const linear = hessian(() => tf.sum(tf.mul(w, 2)) as tf.Scalar, { variables: [w] })
  t.deepEqual(linear.matvec(vector(3)), new Float32Array(3))
  const other = tf.tidy(() => tf.variable(tf.ones([2])))
  const apartFrom = { variables: [other] }
  t.is(code(t.throws(() => hessian(() => tf.sum(tf.square(w)) as tf.Scalar, apartFrom))), 'ERR_NO_GRADIENT')
})

onEachBackend(test, 'targets are taken as fit takes them, and refused where it refuses them', async (t) => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3], kernelInitializer: start(1) })] })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const x = random([8, 3], 1)
  const [column, flat, wide] = tf.tidy(() => [
    tf.sum(x, 1, true),
    tf.sum(x, 1),
    tf.tile(tf.sum(x, 1, true), [1, 2]),
  ]) as [tf.Tensor, tf.Tensor, tf.Tensor]
  const v = vector(4)
  t.deepEqual(await hessian(model, x, flat).matvec(v), await hessian(model, x, column).matvec(v))
  t.is(code(t.throws(() => hessian(model, x, wide))), 'ERR_SHAPE')
  const classifier = (loss: string) => {
    const made = tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [3], activation: 'softmax' })] })
    made.compile({ optimizer: 'sgd', loss })
    return made
  }
  const [hot, sparse] = [classifier('categoricalCrossentropy'), classifier('sparseCategoricalCrossentropy')]
  t.is(code(t.throws(() => hessian(hot, x, column))), 'ERR_SHAPE')
  const labels = tf.tensor2d([0, 1, 2, 0, 1, 2, 0, 1], [8, 1])
  t.is(hessian(sparse, x, labels).size, 12)
  tf.dispose([x, column, flat, wide, labels])
  model.dispose()
  hot.dispose()
  sparse.dispose()
})

onEachBackend(test, 'of the last layer alone, behind one that tfjs fuses', async (t) => {
  const layer = (units: number, seed: number) =>
    tf.layers.dense({ units, inputShape: [4], kernelInitializer: start(seed) })
  const model = tf.sequential({ layers: [layer(4, 1), layer(2, 2)] })
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
  const x = random([5, 4], 3)
  const y = random([5, 2], 4)
  const H = hessian(model, x, y, { filter: (_, i) => i === 3 })
  // Mean squared error of two outputs: the Hessian in the biases is the identity.
  t.deepEqual([...(await H.matvec(Float32Array.of(3, 5)))], [3, 5])
  model.dispose()
  tf.dispose([x, y])
})
