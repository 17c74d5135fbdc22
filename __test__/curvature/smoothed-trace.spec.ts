import test from 'ava'
import { adam, nso, sgd, smoothedTrace } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

const n = 12
/** A symmetric matrix with both signs, and its trace and squared Frobenius norm. */
const matrix = Array.from({ length: n }, (_, i) =>
  Array.from({ length: n }, (_, j) => (i === j ? i - 2 : Math.cos(1 + i * j + i + j))),
)
const traceOf = (rows: number[][], from = 0, to = rows.length) =>
  rows.slice(from, to).reduce((sum, row, i) => sum + row[from + i]!, 0)
const frobenius = matrix.flat().reduce((sum, value) => sum + value * value, 0)

/** f(a, b) = ½·wᵀHw with w = [a, b]: 5 and 7 elements. */
function quadratic(): { a: tf.Variable; b: tf.Variable; loss: () => tf.Scalar } {
  const [a, b] = tf.tidy(() => [random([5], 1), random([7], 2)].map((one) => tf.variable(one))) as [
    tf.Variable,
    tf.Variable,
  ]
  const loss = () =>
    tf.tidy(() => {
      const w = tf.reshape(tf.concat([a, b]), [n, 1]) as tf.Tensor2D
      return tf.mul(0.5, tf.sum(tf.mul(w, tf.matMul(tf.tensor2d(matrix), w)))) as tf.Scalar
    })
  return { a, b, loss }
}

onEachBackend(test, 'on a quadratic, the mean of U·HU: right within 4 standard errors, which are honest', (t) => {
  const { a, b, loss } = quadratic()
  const before = [a, b].map(bits)
  const found = smoothedTrace(loss, { variables: [a, b], sigma: 0.05, pairs: 300, seed: 3 })
  t.true(Math.abs(found.trace - traceOf(matrix)) <= 4 * found.standardError, `${found.trace} ± ${found.standardError}`)
  // Var(U·HU) = 2‖H‖² for gaussian U and symmetric H.
  t.true(Math.abs(found.standardError / Math.sqrt((2 * frobenius) / 300) - 1) < 0.25)
  const [left, right] = found.perLayer
  t.deepEqual([left!.name, right!.name], [a.name, b.name])
  t.true(Math.abs(left!.trace - traceOf(matrix, 0, 5)) <= 4 * left!.standardError)
  t.true(Math.abs(right!.trace - traceOf(matrix, 5, n)) <= 4 * right!.standardError)
  t.true(Math.abs(left!.trace + right!.trace - found.trace) < 1e-9)
  t.deepEqual([found.samples, found.sigma, found.passes], [300, 0.05, 600])
  t.true(found.wallMs > 0 && found.bytes >= 2 * 4 * n, `${found.wallMs} ${found.bytes}`)
  t.deepEqual([a, b].map(bits), before)
})

onEachBackend(test, 'a plane has no curvature, not in the last bit, however steep it is and small the noise', (t) => {
  // Where a weight of 1 goes down, its last bit is half as large as where it goes up.
  const w = tf.tidy(() => tf.variable(tf.ones([1000])))
  const slope = tf.tidy(() => tf.mul(100, random([1000], 4)))
  const loss = () => tf.tidy(() => tf.sum(tf.mul(w, slope)) as tf.Scalar)
  for (const sigma of [1e-2, 1e-5]) t.is(smoothedTrace(loss, { variables: [w], sigma, pairs: 4 }).trace, 0)
  tf.dispose([w, slope])
})

onEachBackend(test, 'a frozen variable may lie behind what has no gradient', (t) => {
  const { a, b } = quadratic()
  const frozen = tf.tidy(() => tf.variable(random([5], 3), false))
  const loss = () =>
    tf.tidy(() => tf.add(tf.sum(tf.square(b)), tf.sum(tf.mul(a, tf.topk(frozen, 5).values))) as tf.Scalar)
  const { trace } = smoothedTrace(loss, {
    variables: [a, frozen, b],
    sigma: 0.1,
    pairs: 2,
    filter: (one) => one !== frozen.name,
  })
  t.true(Number.isFinite(trace))
  t.throws(() => smoothedTrace(loss, { variables: [frozen], sigma: 0.1, pairs: 2 }), { code: 'ERR_NO_GRADIENT' })
  frozen.dispose()
})

onEachBackend(test, 'a model in the place of its loss is told so, whatever comes after it', (t) => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
  const [x, y] = [tf.ones([1, 2]), tf.ones([1, 1])]
  for (const rest of [[x, y], [{ sigma: 0.1 }], []]) {
    const call = () => (smoothedTrace as (...all: unknown[]) => unknown)(model, ...rest)
    t.throws(call, { code: 'ERR_INVALID_ARGUMENT', message: /^Expected a function.+ model\.apply\(x\)/ })
  }
  tf.dispose([x, y])
  model.dispose()
})

onEachBackend(test, 'each pair is U·HU of its own perturbation in stream 1', (t) => {
  const { a, b, loss } = quadratic()
  const found = smoothedTrace(loss, { variables: [a, b], sigma: 0.25, pairs: 3, seed: 8 })
  const samples = [0, 1, 2].map((pair) => {
    const u = [5, 7].flatMap((size, t) => [...loadBinding().sample(8, 'gaussian', 1, 0, pair, t, size)])
    return u.reduce((sum, value, i) => sum + value * matrix[i]!.reduce((dot, h, j) => dot + h * u[j]!, 0), 0)
  })
  const mean = samples.reduce((sum, one) => sum + one, 0) / 3
  t.true(Math.abs(found.trace - mean) < 1e-4 * (1 + Math.abs(mean)), `${found.trace} against ${mean}`)
})

onEachBackend(test, 'the same seed gives the same numbers, another seed others', (t) => {
  const { a, b, loss } = quadratic()
  const run = (seed?: number) => {
    const given = { variables: [a, b], sigma: 0.1, pairs: 4, ...(seed === undefined ? {} : { seed }) }
    const { wallMs, ...rest } = smoothedTrace(loss, given)
    return rest
  }
  t.deepEqual(run(5), run(5))
  t.not(run(5).trace, run(6).trace)
  t.deepEqual(run(), run(0))
})

onEachBackend(test, 'a filter leaves the block of the chosen variables, under the same noise', (t) => {
  const { a, b, loss } = quadratic()
  const variables = [a, b]
  const seen: number[][] = []
  const watched = () => {
    seen.push([...a.dataSync()])
    return loss()
  }
  const start = [...a.dataSync()]
  const found = smoothedTrace(watched, { variables, sigma: 0.1, pairs: 200, seed: 4, filter: (_, i) => i === 1 })
  t.deepEqual(
    found.perLayer.map(({ name }) => name),
    [b.name],
  )
  t.true(Math.abs(found.trace - traceOf(matrix, 5, n)) <= 4 * found.standardError)
  t.true(seen.every((values) => values.every((value, i) => value === start[i])))
})

onEachBackend(test, 'a loss that fails in any gradient leaves weights, Math.random and tensors as they were', (t) => {
  const { a, b, loss } = quadratic()
  const before = [a, b].map(bits)
  const random = Math.random
  for (const [code, spoil] of [
    ['ERR_LOSS', () => fail()],
    ['ERR_NOT_FINITE', () => tf.tidy(() => tf.mul(loss(), Number.NaN) as tf.Scalar)],
    ['ERR_NO_GRADIENT', () => tf.scalar(1)],
  ] as const) {
    for (let bad = 0; bad < 4; bad++) {
      const { numTensors } = tf.memory()
      let pass = 0
      const failing = () => (pass++ === bad ? spoil() : loss())
      t.throws(() => smoothedTrace(failing, { variables: [a, b], sigma: 0.1, pairs: 2 }), { code })
      t.is(pass, bad + 1)
      t.deepEqual([a, b].map(bits), before)
      t.is(Math.random, random)
      t.is(tf.memory().numTensors, numTensors)
    }
  }
  t.is(smoothedTrace(loss, { variables: [a, b], sigma: 0.1, pairs: 2 }).samples, 2)
})

onEachBackend(
  test,
  "a model's BatchNorm does not move, dropout is one function, nothing leaks, training goes on",
  async (t) => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 6, inputShape: [4], kernelInitializer: start(1) }),
        tf.layers.batchNormalization(),
        tf.layers.dropout({ rate: 0.5 }),
        tf.layers.dense({ units: 1, kernelInitializer: start(2) }),
      ],
    })
    const optimizer = nso(adam(), { seed: 1 })
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const [x, y] = [random([8, 4], 10), random([8, 1], 11)]
    await model.trainOnBatch(x, y)
    const before = weightsOf(model)
    const variables = model.trainableWeights.map((one) => one.read() as tf.Variable)
    const outputs: number[][] = []
    const loss = () =>
      tf.tidy(() => {
        const p = model.apply(x, { training: true }) as tf.Tensor
        outputs.push([...p.dataSync()])
        return tf.losses.meanSquaredError(y, p) as tf.Scalar
      })
    // So little noise that only a mask could make outputs differ.
    const tiny = () => smoothedTrace(loss, { variables, sigma: 1e-8, pairs: 2 })
    tiny()
    t.true(outputs.every((values) => values.every((value, i) => Math.abs(value - outputs[0]![i]!) < 1e-4)))
    const { numTensors } = tf.memory()
    t.is(smoothedTrace(loss, { variables, sigma: 0.01, pairs: 3 }).perLayer.length, variables.length)
    t.is(tf.memory().numTensors, numTensors)
    t.deepEqual(weightsOf(model), before)
    await model.trainOnBatch(x, y)
    t.notDeepEqual(weightsOf(model), before)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
  },
)

onEachBackend(test, 'training between two estimates is as if there had been none', (t) => {
  const [seen, unseen] = [quadratic(), quadratic()]
  for (const { a, b, loss } of [seen, unseen]) {
    const optimizer = nso(sgd({ learningRate: 0.01 }), { seed: 2, sigma: 0.1 })
    for (let step = 0; step < 3; step++) {
      optimizer.minimize(loss, false, [a, b])
      if (a === seen.a) smoothedTrace(loss, { variables: [b, a], sigma: 0.3, pairs: 1 })
    }
    optimizer.dispose()
  }
  t.deepEqual([seen.a, seen.b].map(bits), [unseen.a, unseen.b].map(bits))
})

function fail(): never {
  throw new Error('mine')
}
