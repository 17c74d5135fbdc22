import test from 'ava'
import { dense } from '../../src/curvature/dense.ts'
import { fisher, gaussNewton } from '../../src/curvature/gauss-newton.ts'
import { hessian } from '../../src/curvature/hessian.ts'
import type { Operator } from '../../src/curvature/operator.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, setWeights, start, weightsOf } from '../helpers/training.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

type Layers = tf.layers.Layer[]
type LossName = 'meanSquaredError' | 'categoricalCrossentropy' | 'sparseCategoricalCrossentropy' | 'binaryCrossentropy'

function compiled(layers: Layers, loss: unknown): tf.LayersModel {
  const model = tf.sequential({ layers })
  model.compile({ optimizer: 'sgd', loss: loss as string })
  return model
}

const linear = (activation: 'linear' | 'softmax' | 'sigmoid'): Layers => [
  tf.layers.dense({ units: 3, inputShape: [4], activation, kernelInitializer: start(2) }),
]

const deep = (activation: 'linear' | 'softmax' | 'sigmoid'): Layers => [
  tf.layers.dense({ units: 4, inputShape: [4], activation: 'tanh', kernelInitializer: start(1) }),
  tf.layers.dense({ units: 3, activation, kernelInitializer: start(2) }),
]

/** Inputs and targets that the loss takes. */
function data(loss: LossName, examples: number): [tf.Tensor, tf.Tensor] {
  const labels = Array.from({ length: examples }, (_, i) => (i * 7) % 3)
  const targets = {
    meanSquaredError: () => random([examples, 3], 4),
    categoricalCrossentropy: () => tf.softmax(random([examples, 3], 4)),
    sparseCategoricalCrossentropy: () => tf.tensor2d(labels, [examples, 1]),
    binaryCrossentropy: () => tf.sigmoid(random([examples, 3], 4)),
  }
  return [random([examples, 4], 3), tf.tidy(targets[loss])]
}

const cases: [LossName, 'linear' | 'softmax' | 'sigmoid'][] = [
  ['meanSquaredError', 'linear'],
  ['categoricalCrossentropy', 'softmax'],
  ['sparseCategoricalCrossentropy', 'softmax'],
  ['binaryCrossentropy', 'sigmoid'],
]

const matrix = async (operator: Operator) => (await dense(operator)).values

const v = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1))

const apart = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.hypot(...Array.from(a, (x, i) => x - b[i]!)) / Math.hypot(...Array.from(b))

for (const [loss, activation] of cases) {
  onEachBackend(test, `${loss}: the Hessian where outputs, or logits, are linear in the weights`, async (t) => {
    const model = compiled(linear(activation), loss)
    const [x, y] = data(loss, 7)
    const before = weightsOf(model)
    const expected = await matrix(hessian(model, x, y))
    t.true(apart(await matrix(gaussNewton(model, x, y)), expected) < 2e-5)
    const [whole, parts] = [gaussNewton(model, x, y), gaussNewton(model, x, y, { batchSize: 3 })]
    t.true(apart(await parts.matvec(v(15)), await whole.matvec(v(15))) < 1e-5)
    t.deepEqual(weightsOf(model), before)
    model.dispose()
    tf.dispose([x, y])
  })
}

/** Σ over rows of JᵀBJ, J by differences of f64 quality: a forward pass by hand, of the deep net. */
function byHand(weights: readonly Float32Array[], x: ArrayLike<number>, bend: (z: number[]) => number[][]): number[][] {
  const flat = weights.flatMap((one) => [...one])
  const size = flat.length
  const logits = (w: readonly number[], row: number) => {
    const hidden = Array.from({ length: 4 }, (_, h) => {
      let sum = w[16 + h]!
      for (let i = 0; i < 4; i++) sum += x[row * 4 + i]! * w[i * 4 + h]!
      return Math.tanh(sum)
    })
    return Array.from({ length: 3 }, (_, c) =>
      hidden.reduce((sum, value, h) => sum + value * w[20 + h * 3 + c]!, w[32 + c]!),
    )
  }
  const out = Array.from({ length: size }, () => new Array<number>(size).fill(0))
  const rows = x.length / 4
  for (let row = 0; row < rows; row++) {
    const J = flat.map((_, k) => {
      const [up, down] = [1, -1].map((sign) =>
        logits(
          flat.map((w, i) => (i === k ? w + sign * 1e-5 : w)),
          row,
        ),
      )
      return up!.map((value, c) => (value - down![c]!) / 2e-5)
    })
    const B = bend(logits(flat, row))
    const half = J.map((column) => B.map((line) => line.reduce((sum, b, c) => sum + b * column[c]!, 0)))
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++)
        out[i]![j]! += J[i]!.reduce((sum, value, c) => sum + value * half[j]![c]!, 0) / rows
    }
  }
  return out
}

function softmax(z: readonly number[]): number[] {
  const powers = z.map(Math.exp)
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((one) => one / sum)
}

const diagonal = (f: (z: number) => number) => (z: number[]) =>
  z.map((one, i) => z.map((_, j) => (i === j ? f(one) : 0)))
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const categorical = (z: number[]) => {
  const p = softmax(z)
  return p.map((a, i) => p.map((b, j) => (i === j ? a : 0) - a * b))
}

const bends: Record<LossName, (z: number[]) => number[][]> = {
  meanSquaredError: diagonal(() => 2 / 3),
  categoricalCrossentropy: categorical,
  sparseCategoricalCrossentropy: categorical,
  binaryCrossentropy: diagonal((z) => (sigmoid(z) * (1 - sigmoid(z))) / 3),
}

for (const [loss, activation] of cases) {
  onEachBackend(test, `${loss}: of a deep net it is JᵀH_LJ in double precision`, async (t) => {
    const model = compiled(deep(activation), loss)
    const [x, y] = data(loss, 6)
    const expected = byHand(weightsOf(model), x.dataSync(), bends[loss]).flat()
    const found = await matrix(gaussNewton(model, x, y))
    t.true(apart(found, expected) < 1e-5)
    // And not the Hessian, which has the net's own curvature as well.
    const [G, H] = [gaussNewton(model, x, y), hessian(model, x, y)]
    t.true(apart(await G.matvec(v(35)), await H.matvec(v(35))) > 1e-3)
    model.dispose()
    tf.dispose([x, y])
  })
}

onEachBackend(test, 'a function of logits, regularizers, several outputs', async (t) => {
  const [x, y] = data('categoricalCrossentropy', 5)
  const crossEntropy = (target: tf.Tensor, z: tf.Tensor) => tf.losses.softmaxCrossEntropy(target, z)
  const l2 = () => tf.regularizers.l2({ l2: 0.1 })
  const regularized = (activation: 'linear' | 'softmax') => [
    tf.layers.dense({ units: 3, inputShape: [4], activation, kernelInitializer: start(2), kernelRegularizer: l2() }),
  ]
  const [logits, named] = [
    compiled(regularized('linear'), crossEntropy),
    compiled(regularized('softmax'), 'categoricalCrossentropy'),
  ]
  const expected = await matrix(hessian(logits, x, y))
  t.true(apart(await matrix(gaussNewton(logits, x, y)), expected) < 2e-5)
  t.true(apart(await matrix(gaussNewton(named, x, y)), expected) < 2e-5)
  const bias = { filter: 'bias' }
  t.true(apart(await matrix(gaussNewton(named, x, y, bias)), await matrix(hessian(named, x, y, bias))) < 2e-5)
  const input = tf.input({ shape: [4] })
  const outputs = [1, 2].map(
    (seed) => tf.layers.dense({ units: 3, kernelInitializer: start(seed) }).apply(input) as tf.SymbolicTensor,
  )
  const two = tf.model({ inputs: input, outputs })
  two.compile({ optimizer: 'sgd', loss: ['meanSquaredError', 'meanSquaredError'] })
  t.true(apart(await matrix(gaussNewton(two, x, [y, y])), await matrix(hessian(two, x, [y, y]))) < 2e-5)
  // One output's own weights: the other output does not depend on them.
  const alone = { filter: two.trainableWeights[0]!.originalName }
  const [gn, exact] = [gaussNewton(two, x, [y, y], alone), hessian(two, x, [y, y], alone)]
  t.true(apart(await matrix(gn), await matrix(exact)) < 2e-5)
  // Linear in the output: no curvature at all.
  const flat = compiled(regularized('linear').slice(0, 1), (target: tf.Tensor, z: tf.Tensor) => tf.mul(target, z))
  const none = gaussNewton(flat, x, y, { filter: 'bias' })
  t.true((await matrix(none)).every((value) => value === 0))
  flat.dispose()
  tf.dispose([x, y])
  for (const one of [logits, named, two]) one.dispose()
})

for (const [loss, activation] of cases) {
  onEachBackend(test, `${loss}: the Fisher matrix is the mean of gradients' squares`, async (t) => {
    const model = compiled(deep(activation), loss)
    const [x, y] = data(loss, 5)
    const variables = model.trainableWeights.map((one) => one.read() as tf.Variable)
    const size = variables.reduce((sum, one) => sum + one.size, 0)
    const expected = new Float64Array(size * size)
    for (let i = 0; i < 5; i++) {
      const g = tf.tidy(() => {
        const [xi, yi] = [tf.slice(x, i, 1), tf.slice(y, i, 1)]
        const metric = tf.metrics as unknown as Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor>
        const function_ =
          loss === 'sparseCategoricalCrossentropy'
            ? (a: tf.Tensor, b: tf.Tensor) => tf.metrics.categoricalCrossentropy(tf.oneHot(a.flatten().toInt(), 3), b)
            : metric[loss]!
        const { grads } = tf.variableGrads(() => tf.mean(function_(yi, model.apply(xi) as tf.Tensor)), variables)
        return variables.flatMap(({ name }) => [...grads[name]!.dataSync()])
      })
      for (let a = 0; a < size; a++) for (let b = 0; b < size; b++) expected[a * size + b]! += (g[a]! * g[b]!) / 5
    }
    t.true(apart(await matrix(fisher(model, x, y)), expected) < 1e-5)
    const [whole, parts] = [fisher(model, x, y), fisher(model, x, y, { batchSize: 2 })]
    t.true(apart(await parts.matvec(v(35)), await whole.matvec(v(35))) < 1e-5)
    model.dispose()
    tf.dispose([x, y])
  })
}

onEachBackend(test, 'extreme probabilities leave it finite and semi-definite', async (t) => {
  const model = compiled(deep('softmax'), 'categoricalCrossentropy')
  const [x, y] = data('categoricalCrossentropy', 4)
  setWeights(
    model,
    weightsOf(model).map((one) => one.map((value) => 60 * value)),
  )
  const G = gaussNewton(model, x, y)
  for (let probe = 0; probe < 5; probe++) {
    const v = Float32Array.from({ length: G.size }, (_, i) => Math.sin(i * (probe + 1) + 1))
    const product = await G.matvec(v)
    t.true(product.reduce((sum, value, i) => sum + value * v[i]!, 0) >= -1e-6 * Math.hypot(...product))
  }
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(test, 'losses and outputs that make none are refused, and nothing changes', async (t) => {
  const [x, y] = data('meanSquaredError', 4)
  const rows: [tf.LayersModel, (model: tf.LayersModel) => unknown, RegExp][] = [
    [compiled(linear('linear'), 'meanAbsoluteError'), (model) => gaussNewton(model, x, y), /meanAbsoluteError/],
    [compiled(linear('linear'), 'categoricalCrossentropy'), (model) => gaussNewton(model, x, y), /softmax/],
    [compiled(linear('linear'), 'binaryCrossentropy'), (model) => gaussNewton(model, x, y), /sigmoid/],
    [
      compiled(linear('linear'), (a: tf.Tensor, b: tf.Tensor) => tf.losses.meanSquaredError(a, b)),
      (model) => fisher(model, x, y),
      /one value an example/,
    ],
  ]
  for (const [model, call, message] of rows) {
    const before = weightsOf(model)
    const error = t.throws(() => void call(model))
    t.is(code(error), 'ERR_UNSUPPORTED')
    t.regex(error!.message, message)
    t.deepEqual(weightsOf(model), before)
    model.dispose()
  }
  tf.dispose([x, y])
})

/** What a loss function may do, and the error that `hessian` makes of it as well. */
const failing: [string, string, RegExp, (output: tf.Tensor) => tf.Tensor][] = [
  ['throws', 'ERR_LOSS', /^The loss threw: mine/, () => fail(new TypeError('mine'))],
  ['aborts', 'ERR_ABORTED', /aborted/, () => fail(new DOMException('enough', 'AbortError'))],
  ['does not fit', 'ERR_LOSS', /^The loss threw: /, (z) => tf.matMul(z as tf.Tensor2D, z as tf.Tensor2D)],
  [
    'has no derivative',
    'ERR_LOSS',
    /mine/,
    (z) =>
      tf.customGrad((...args) => ({
        value: tf.square(args[0] as tf.Tensor),
        gradFunc: () => fail(new TypeError('mine')),
      }))(z),
  ],
]

function fail(error: Error): never {
  throw error
}

for (const [what, expected, message, f] of failing) {
  onEachBackend(test, `a loss function that ${what} is typed, before and in a product`, async (t) => {
    const model = compiled(deep('linear'), (_: tf.Tensor, z: tf.Tensor) => f(z))
    const [x, y] = data('meanSquaredError', 4)
    const before = weightsOf(model)
    const size = model.countParams()
    for (const of of [hessian, gaussNewton, fisher]) {
      for (const check of [true, false]) {
        const error = await t.throwsAsync(async () => of(model, x, y, { check }).matvec(v(size)), undefined, of.name)
        t.deepEqual([code(error), error!.name], [expected, 'SaltflatError'], `${of.name}: ${error}`)
        t.regex(error!.message, message)
      }
    }
    t.deepEqual(weightsOf(model), before)
    model.dispose()
    tf.dispose([x, y])
  })
}
