import test from 'ava'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { type NoiseStability, noiseStability } from '../../src/curvature/noise-stability.ts'
import type { Batches } from '../../src/grads/stream.ts'
import { loadBinding } from '../../src/native/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { inEveryForm } from '../helpers/batches.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

const n = 12
/** A symmetric matrix with both signs, and its trace and squared Frobenius norm. */
const matrix = Array.from({ length: n }, (_, i) =>
  Array.from({ length: n }, (_, j) => Math.fround(i === j ? i - 2 : Math.cos(1 + i * j + i + j))),
)
const traceOf = (rows: number[][], from = 0, to = rows.length) =>
  rows.slice(from, to).reduce((sum, row, i) => sum + row[from + i]!, 0)
const frobenius = matrix.flat().reduce((sum, value) => sum + value * value, 0)

/** f(a, b) = ½·wᵀHw with w = [a, b]: 5 and 7 elements. */
function quadratic() {
  const [a, b] = tf.tidy(() => [random([5], 1), random([7], 2)].map((one) => tf.variable(one))) as [
    tf.Variable,
    tf.Variable,
  ]
  const loss = () => {
    const w = tf.reshape(tf.concat([a, b]), [n, 1]) as tf.Tensor2D
    return tf.mul(0.5, tf.sum(tf.mul(w, tf.matMul(tf.tensor2d(matrix), w)))) as tf.Scalar
  }
  return { a, b, variables: [a, b], loss }
}

const untimed = ({ wallMs, ...rest }: NoiseStability) => rest

onEachBackend(test, 'on a quadratic each sample is σ²/2 · UᵀHU, of the same U at every sigma', async (t) => {
  const { variables, loss } = quadratic()
  const sigmas = [0.5, 2]
  const { points } = await noiseStability(loss, { variables, sigmas, samples: 3, seed: 8, trace: false })
  const products = [0, 1, 2].map((j) => {
    const u = [5, 7].flatMap((size, t) => [...loadBinding().sample(8, 'gaussian', 1, 0, j, t, size)])
    return u.reduce((sum, value, i) => sum + value * matrix[i]!.reduce((dot, h, k) => dot + h * u[k]!, 0), 0)
  })
  const mean = products.reduce((sum, one) => sum + one, 0) / 3
  for (const [i, sigma] of sigmas.entries()) {
    const expected = (sigma ** 2 / 2) * mean
    t.true(Math.abs(points[i]!.mean - expected) < 1e-4 * (1 + Math.abs(expected)), `${points[i]!.mean} ${expected}`)
    t.deepEqual([points[i]!.sigma, points[i]!.samples, points[i]!.quadratic], [sigma, 3, null])
  }
})

onEachBackend(test, 'mean and prediction meet the closed form within their errors, which are honest', async (t) => {
  const { variables, loss, a, b } = quadratic()
  const before = variables.map(bits)
  const value = tf.tidy(() => loss().dataSync()[0]!)
  const found = await noiseStability(loss, { variables, sigmas: [0.1, 1], samples: 120, seed: 3, probes: 60 })
  t.true(Math.abs(found.loss - value) < 1e-5)
  for (const { sigma, mean, standardError, quadratic, quadraticError } of found.points) {
    const truth = (sigma ** 2 / 2) * traceOf(matrix)
    t.true(Math.abs(mean - truth) < 4 * standardError, `${mean} ± ${standardError} for ${truth}`)
    t.true(Math.abs(quadratic! - truth) < 4 * quadraticError!, `${quadratic} ± ${quadraticError} for ${truth}`)
    // Var(UᵀHU) = 2‖H‖² for gaussian U and symmetric H.
    t.true(Math.abs(standardError / ((sigma ** 2 / 2) * Math.sqrt((2 * frobenius) / 120)) - 1) < 0.25)
  }
  t.is(found.evaluations, 1 + 2 * 2 * 120)
  t.is(found.passes, Math.ceil(found.evaluations / 3) + 3 * 60)
  t.deepEqual([a, b].map(bits), before)
})

onEachBackend(test, 'on a quartic it has the σ⁴ that the prediction lacks', async (t) => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([0.5, -1, 2])))
  const loss = () => tf.sum(tf.pow(w, 4)) as tf.Scalar
  const squares = 0.25 + 1 + 4
  for (const [distribution, fourth] of [
    ['gaussian', 3],
    ['rademacher', 1],
    ['uniform', 1.8],
    ['laplace', 6],
  ] as const) {
    const options = { variables: [w], sigmas: [0.5], samples: 300, distribution, probes: 2, seed: 1 }
    const { points } = await noiseStability(loss, options)
    const [{ mean, standardError, quadratic }] = points as [(typeof points)[0]]
    // E (w + σu)⁴ − w⁴ = 6σ²w² + σ⁴·E u⁴.
    const truth = 6 * 0.25 * squares + 3 * 0.0625 * fourth
    t.true(
      Math.abs(mean - truth) < 4 * standardError + 1e-5,
      `${distribution}: ${mean} ± ${standardError} for ${truth}`,
    )
    t.true(Math.abs(quadratic! - 6 * 0.25 * squares) < 1e-5)
  }
})

onEachBackend(
  test,
  'equal seeds give equal bits; a filter moves what it lets through, by the same noise',
  async (t) => {
    const { variables, loss, a, b } = quadratic()
    const seen: number[][] = []
    const watched = () => {
      seen.push([...a.dataSync(), ...b.dataSync()])
      return loss()
    }
    const run = (seed: number, filter?: string) =>
      noiseStability(watched, { variables, sigmas: [0.1], samples: 2, seed, filter })
    const all = await run(5)
    t.deepEqual(untimed(await run(5)), untimed(all))
    t.not((await run(6)).points[0]!.mean, all.points[0]!.mean)
    const whole = seen.slice(0, 100)
    seen.length = 0
    const part = await run(5, b.name)
    const start = [...a.dataSync()]
    t.true(seen.every((values) => start.every((value, i) => value === values[i])))
    // The last of them: before the samples the Hessian is checked, by weights of its own.
    const moved = (rows: number[][]) => rows.map((row) => row.slice(5)).findLast((row) => row[0] !== b.dataSync()[0])
    t.deepEqual(moved(seen), moved(whole))
    t.true(Math.abs(part.trace!.mean - traceOf(matrix, 5, n)) <= 6 * part.trace!.standardError)
  },
)

/** A net with BatchNorm and dropout, compiled, and data. */
function net() {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 6, inputShape: [4], activation: 'tanh', kernelInitializer: start(1) }),
      tf.layers.batchNormalization(),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: start(2) }),
    ],
  })
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  return { model, x: random([7, 4], 3), y: tf.tidy(() => tf.softmax(random([7, 3], 4))) }
}

onEachBackend(
  test,
  'of a model: its loss on all data, whatever the batches; nothing moves, nothing leaks',
  async (t) => {
    const { model, x, y } = net()
    const before = weightsOf(model)
    const options = { sigmas: [0.01, 0.1], samples: 10, seed: 2 }
    const whole = await noiseStability(model, x, y, options)
    t.true(Math.abs(whole.loss - tf.tidy(() => (model.evaluate(x, y) as tf.Scalar).dataSync()[0]!)) < 1e-6)
    const parts = await noiseStability(model, x, y, { ...options, batchSize: 3 })
    for (const i of [0, 1]) t.true(Math.abs(parts.points[i]!.mean - whole.points[i]!.mean) < 1e-6)
    const [{ mean, standardError, quadratic, quadraticError }] = whole.points as [(typeof whole.points)[0]]
    t.true(Math.abs(mean - quadratic!) < 4 * Math.hypot(standardError, quadraticError!) + 1e-6)
    await noiseStability(model, x, y, { ...options, samples: 2, training: true })
    t.deepEqual(weightsOf(model), before)
    model.dispose()
    tf.dispose([x, y])
  },
)

onEachBackend(test, 'a loss that fails at any evaluation leaves weights and tensors as they were', async (t) => {
  const { variables, loss } = quadratic()
  const before = variables.map(bits)
  const random = Math.random
  const fail = () => {
    throw new Error('mine')
  }
  for (const [expected, spoil] of [
    ['ERR_LOSS', fail],
    ['ERR_NOT_FINITE', () => tf.mul(loss(), Number.NaN) as tf.Scalar],
  ] as const) {
    // Two looks whether it wobbles, f(W), four pairs.
    for (let bad = 0; bad < 11; bad++) {
      const { numTensors } = tf.memory()
      let pass = 0
      const failing = () => (pass++ === bad ? spoil() : loss())
      const run = noiseStability(failing, { variables, sigmas: [0.1, 0.2], samples: 2, trace: false })
      t.is(code(await t.throwsAsync(run)), expected)
      t.is(pass, bad + 1)
      t.deepEqual(variables.map(bits), before)
      t.is(Math.random, random)
      t.is(tf.memory().numTensors, numTensors)
    }
  }
})

onEachBackend(test, 'a signal ends it with what there is, in the noise and in the trace', async (t) => {
  const { variables, loss } = quadratic()
  const before = variables.map(bits)
  const options = { variables, sigmas: [0.1, 0.2], samples: 3, probes: 5 }
  const until = async (last: number) => {
    const controller = new AbortController()
    const seen: [number, number][] = []
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      seen.push([done, total])
      if (done === last) controller.abort()
    }
    const run = noiseStability(loss, { ...options, signal: controller.signal, onProgress })
    const error = await t.throwsAsync(run, { instanceOf: AbortedError })
    t.is(error.code, 'ERR_ABORTED')
    t.deepEqual(seen.at(-1), [last, 17])
    t.deepEqual(variables.map(bits), before)
    return error.partial as NoiseStability | null
  }
  t.is(await until(3), null)
  const early = await until(7)
  t.deepEqual(
    early!.points.map(({ samples, quadratic }) => [samples, quadratic]),
    [
      [2, null],
      [1, null],
    ],
  )
  const whole = await noiseStability(loss, options)
  const late = await until(15)
  t.deepEqual(
    late!.points.map(({ mean }) => mean),
    whole.points.map(({ mean }) => mean),
  )
  t.true(late!.trace!.standardError > 0 && late!.trace!.mean !== whole.trace!.mean)
})

onEachBackend(test, 'at every turn of the event loop the weights are themselves; a change is refused', async (t) => {
  const { a, variables, loss } = quadratic()
  const before = bits(a)
  const slow = () => {
    const until = performance.now() + 8
    while (performance.now() < until);
    return loss()
  }
  let turns = 0
  const timer = setInterval(() => {
    turns++
    t.deepEqual(bits(a), before)
    if (turns === 3) tf.tidy(() => a.assign(tf.zeros([5])))
    if (turns === 3) clearInterval(timer)
  }, 1)
  const run = noiseStability(slow, { variables, sigmas: [0.1], samples: 50, trace: false })
  t.is(code(await t.throwsAsync(run)), 'ERR_STATE')
  t.is(turns, 3)
  t.deepEqual([...a.dataSync()], [0, 0, 0, 0, 0])
})

onEachBackend(test, 'bad arguments are refused', async (t) => {
  const { variables, loss } = quadratic()
  const run = (options: object) => noiseStability(loss, { variables, sigmas: [0.1], ...options } as never)
  const rows: [string, Promise<unknown>][] = [
    ['ERR_INVALID_ARGUMENT', run({ sigmas: [] })],
    ['ERR_INVALID_ARGUMENT', run({ sigmas: [-1] })],
    ['ERR_INVALID_ARGUMENT', run({ sigmas: 0.1 })],
    ['ERR_INVALID_ARGUMENT', run({ samples: 1 })],
    ['ERR_INVALID_ARGUMENT', run({ trace: true })],
    ['ERR_INVALID_ARGUMENT', run({ trace: { mean: 1 } })],
    ['ERR_INVALID_ARGUMENT', run({ filter: 'nothing' })],
    ['ERR_INVALID_ARGUMENT', run({ batchSize: 3 })],
    ['ERR_INVALID_ARGUMENT', noiseStability(loss, undefined as never)],
    ['ERR_INVALID_ARGUMENT', noiseStability(null as never, {} as never)],
    ['ERR_EMPTY', run({ variables: [] })],
    ['ERR_LOSS', noiseStability(() => tf.scalar(Math.cos(performance.now())), { variables, sigmas: [0.1] })],
  ]
  for (const [expected, one] of rows) t.is(code(await t.throwsAsync(one)), expected)
})

onEachBackend(test, 'the prediction is of the Hessian that is asked for', async (t) => {
  const { variables, loss } = quadratic()
  let passes = 0
  const counted = () => {
    passes++
    return loss()
  }
  const run = async (options: object) => {
    passes = 0
    const { trace } = await noiseStability(counted, { variables, sigmas: [0.1], samples: 2, ...options })
    return { mean: trace!.mean, passes }
  }
  const [exact, unchecked, difference] = [
    await run({}),
    await run({ check: false }),
    await run({ method: 'difference' }),
  ]
  t.is(unchecked.mean, exact.mean)
  t.true(unchecked.passes < exact.passes)
  t.true(Math.abs(difference.mean - exact.mean) < 1e-2 * Math.abs(exact.mean))
  t.not(difference.mean, exact.mean)
})

onEachBackend(test, 'of data in batches it is what the tensors give, weighted by examples', async (t) => {
  const { model, x, y } = net()
  const before = weightsOf(model)
  const options = { sigmas: [0.01, 0.1], samples: 4, probes: 3, seed: 2 }
  const whole = await noiseStability(model, x, y, { ...options, batchSize: 3 })
  const { forms, dispose } = inEveryForm(x, y, [3, 3, 1])
  const { numTensors } = tf.memory()
  for (const [form, data] of Object.entries(forms)) {
    const found = await noiseStability(model, data, options)
    t.is(found.loss, whole.loss, form)
    t.deepEqual(
      found.points.map(({ mean }) => mean),
      whole.points.map(({ mean }) => mean),
      form,
    )
    t.true(Math.abs(found.trace!.mean - whole.trace!.mean) < 1e-5 * Math.abs(whole.trace!.mean), form)
    t.deepEqual([found.evaluations, found.passes], [whole.evaluations, whole.passes], form)
    t.is(tf.memory().numTensors, numTensors, form)
  }
  const part = await noiseStability(model, forms.array, { ...options, filter: 'kernel', training: true })
  const same = await noiseStability(model, x, y, { ...options, filter: 'kernel', training: true, batchSize: 3 })
  t.deepEqual(
    part.points.map(({ mean }) => mean),
    same.points.map(({ mean }) => mean),
  )
  t.deepEqual(weightsOf(model), before)
  dispose()
  model.dispose()
  tf.dispose([x, y])
})

onEachBackend(
  test,
  'data that is not the same at every pass is refused, and a signal ends it between batches',
  async (t) => {
    const { model, x, y } = net()
    const before = weightsOf(model)
    const { forms, dispose } = inEveryForm(x, y, [3, 3, 1])
    const { numTensors } = tf.memory()
    const options = { sigmas: [0.1], samples: 2, trace: false as const }
    const fails = (data: Batches, more: object = {}) =>
      t.throwsAsync(noiseStability(model, data, { ...options, ...more }))
    t.is(code(await fails(forms.function())), 'ERR_INVALID_ARGUMENT')
    t.is(code(await fails(() => [])), 'ERR_EMPTY')
    function* some(places: readonly number[]) {
      for (const { xs, ys } of places.map((k) => forms.array[k]!)) yield { xs: xs.clone(), ys: ys.clone() }
    }
    let passes = 0
    const shrinking = () => some(passes++ < 4 ? [0, 1, 2] : [1, 2])
    t.regex((await fails(shrinking)).message, /the same batches at every pass.*7 examples in 3 batches/)
    passes = 0
    const turned = () => some(passes++ % 2 === 0 ? [0, 1, 2] : [1, 0, 2])
    t.is(code(await fails(turned)), 'ERR_INVALID_ARGUMENT')
    t.is(code(await fails(forms.array, { batchSize: 3 })), 'ERR_INVALID_ARGUMENT')
    for (const [last, pairs] of [
      [3, null],
      [21, 2],
    ] as const) {
      const controller = new AbortController()
      let batches = 0
      function* watched() {
        for (const batch of forms.array) {
          // After the two passes of the check.
          if (++batches === 6 + last) controller.abort()
          t.deepEqual(weightsOf(model), before)
          yield { xs: batch.xs.clone(), ys: batch.ys.clone() }
        }
      }
      const run = noiseStability(model, watched, { ...options, samples: 5, signal: controller.signal })
      const error = await t.throwsAsync(run, { instanceOf: AbortedError })
      const partial = error.partial as NoiseStability | null
      t.is(partial?.points[0]?.samples ?? null, pairs)
      t.is(batches, 6 + last)
    }
    t.is(tf.memory().numTensors, numTensors)
    t.deepEqual(weightsOf(model), before)
    dispose()
    model.dispose()
    tf.dispose([x, y])
  },
)
