import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { estimators } from '../../src/estimators/index.ts'
import {
  adam,
  type FlatOptimizer,
  MinimizeError,
  minimize,
  momentum,
  nso,
  oneSided,
  type StepReport,
  sam,
  sgd,
  type VectorGradient,
} from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { base, bases } from '../../src/optimizers/base.ts'
import { FlatOptimizer as Optimizer } from '../../src/optimizers/optimizer.ts'
import { tf } from '../helpers/backends.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** ∇(x²/2), as a fresh array. */
const half: VectorGradient = (x) => x.slice()
const words = (x: Float32Array) => [...new Uint32Array(x.slice().buffer)]
const rademacher = (step: number, length: number) => loadBinding().sample(3, 'rademacher', 0, step, 0, 0, length)

test('a quadratic, bit for bit: sgd and nso halve x a step, for the pair cancels the noise', async (t) => {
  const x0 = Float32Array.of(1, -2, 0.5, 64, 0)
  const pair = { sigma: 0.25, distribution: 'rademacher', seed: 3 } as const
  const makes = [
    sgd({ learningRate: 0.5 }),
    nso(sgd({ learningRate: 0.5 }), pair),
    nso(sgd({ learningRate: 0.5 }), { ...pair, perturbations: 2 }),
    nso(sgd({ learningRate: 0.5 }), { ...pair, mixing: 0.5 }),
  ]
  for (const optimizer of makes) {
    const { x, steps, loss, gradients } = await minimize(half, x0, optimizer, { steps: 7 })
    t.deepEqual(words(x), words(x0.map((value) => value / 128)), optimizer.toString())
    t.deepEqual([steps, loss, gradients], [7, null, 7 * optimizer.passesPerStep])
    t.is(optimizer.iterations, 7)
  }
  t.deepEqual(words(x0), words(Float32Array.of(1, -2, 0.5, 64, 0)))
})

test('curvature of a quadratic with rademacher noise is its trace, without an error', async (t) => {
  const optimizer = nso(sgd({ learningRate: 0.5 }), { sigma: 0.25, distribution: 'rademacher', seed: 3 })
  await minimize((x) => x.map((value) => 3 * value), new Float32Array(8).fill(1), optimizer, { steps: 5 })
  t.is(optimizer.curvature!.trace, 24)
  t.is(optimizer.curvature!.standardError, 0)
  t.deepEqual(
    optimizer.curvature!.perLayer.map(({ name }) => name),
    ['x'],
  )
  t.is(optimizer.memory!.store, 'vector')
})

test('one-sided noise is tensor 0 of the sampler: x ← x − η(x + σU)', async (t) => {
  const optimizer = oneSided(sgd({ learningRate: 0.5 }), { sigma: 0.25, distribution: 'rademacher', seed: 3 })
  const x0 = new Float32Array(100).map((_, i) => i / 64)
  const expected = x0.slice()
  for (let step = 0; step < 4; step++) {
    const u = rademacher(step, 100)
    for (let i = 0; i < 100; i++) expected[i] = expected[i]! - 0.5 * (expected[i]! + 0.25 * u[i]!)
  }
  const { x } = await minimize(half, x0, optimizer, { steps: 4 })
  t.deepEqual(words(x), words(expected))
})

test('sam takes the gradient at x + ρ·g/‖g‖', async (t) => {
  const { x } = await minimize(half, Float32Array.of(3, 4), sam(sgd({ learningRate: 0.5 }), { rho: 2.5 }), { steps: 1 })
  t.deepEqual([...x], [0.75, 1])
})

/** Curved enough for a wrong bit to grow, with randomness inside. */
const rough: VectorGradient = (x) => {
  let loss = 0
  const gradient = x.map((value, i) => {
    loss += value ** 4 / 4 + Math.sin(3 * value)
    return value ** 3 + 3 * Math.cos(3 * value) + (i === 0 ? 0.01 * Math.random() : 0)
  })
  return { loss: Math.fround(loss / x.length), gradient }
}

const variants: [string, Record<string, unknown>][] = [
  ['', {}],
  [', k = 3', { perturbations: 3 }],
  [', k = 2, mixing', { perturbations: 2, mixing: 0.25 }],
  [', laplace', { distribution: 'laplace' }],
]

/** Every base as it is, and what else its options make of it. */
const baseOptions: [string, object][] = [
  ...Object.keys(bases).map((name): [string, object] => [name, {}]),
  ['adam', { amsgrad: true }],
  ['rmsprop', { centered: true }],
  ['rmsprop', { momentum: 0.5 }],
  ['rmsprop', { centered: true, momentum: 0.5 }],
  ['momentum', { clipNorm: 1, l2: 0.1, weightDecay: 0.1, distance: 0.1, accumulation: 2 }],
]
const shown = (options: object) => (Object.keys(options).length === 0 ? '' : ` ${JSON.stringify(options)}`)

for (const [name, estimator] of Object.entries(estimators)) {
  for (const [what, given] of variants) {
    if (!Object.keys(given).every((key) => key in estimator.defaults)) continue
    for (const [baseName, chosen] of baseOptions) {
      test.serial(`as one tf.Variable, bit for bit: ${name}(${baseName}${shown(chosen)})${what}`, async (t) => {
        await tf.setBackend('cpu')
        const options = { ...estimator.defaults, ...given }
        const make = () =>
          new Optimizer({
            estimator: name,
            options,
            base: base(baseName, { learningRate: 0.02, ...chosen }),
            seed: 5,
            batchNorm: 'last',
            device: 'auto',
          })
        const x0 = loadBinding().sample(9, 'gaussian', 0, 0, 0, 0, 1000)
        const variable = tf.tidy(() => tf.variable(tf.tensor1d(x0.slice())))
        const [plain, model] = [make(), make()]
        const loss = () =>
          tf.tidy(() => {
            const f = tf.customGrad((x) => {
              const { loss, gradient } = rough((x as tf.Tensor).dataSync() as Float32Array) as {
                loss: number
                gradient: Float32Array
              }
              return { value: tf.scalar(loss), gradFunc: () => tf.tensor1d(gradient) }
            })
            return f(variable) as tf.Scalar
          })
        let last = 0
        for (let step = 0; step < 5; step++) last = model.minimize(loss, true, [variable])!.dataSync()[0]!
        const { x, loss: mean } = await minimize(rough, x0, plain, { steps: 5 })
        t.deepEqual(words(x), words(variable.dataSync() as Float32Array))
        t.is(Math.fround(mean!), last)
        t.deepEqual(plain.curvature?.trace, model.curvature?.trace)
        const states = await Promise.all([plain, model].map((one) => one.getWeights()))
        const [a, b] = states.map((state) => state.map(({ tensor }) => [...tensor.dataSync()]))
        t.deepEqual(a, b)
        for (const one of [plain, model]) one.dispose()
        tf.disposeVariables()
      })
    }
  }
}

test.serial('3 steps, getWeights, setWeights of a fresh optimizer and 4 steps are 7 steps', async (t) => {
  await tf.setBackend('cpu')
  const make = () => nso(adam({ learningRate: 0.05 }), { sigma: 0.1, seed: 7, perturbations: 2 })
  const x0 = loadBinding().sample(1, 'gaussian', 0, 0, 0, 0, 50)
  const [whole, first, second, again] = [make(), make(), make(), make()] as const
  const expected = await minimize(rough, x0, whole, { steps: 7 })
  const { x } = await minimize(rough, x0, first, { steps: 3 })
  await second.setWeights(await first.getWeights())
  const resumed = await minimize(rough, x, second, { steps: 4 })
  t.deepEqual(words(resumed.x), words(expected.x))
  t.is(second.iterations, 7)
  t.deepEqual(second.curvature, whole.curvature)
  // And the same optimizer goes on by itself, from the x it is given.
  const middle = await minimize(rough, x0, again, { steps: 3 })
  t.deepEqual(words((await minimize(rough, middle.x, again, { steps: 4 })).x), words(expected.x))
  await t.throwsAsync(minimize(rough, new Float32Array(51), first, { steps: 1 }), {
    code: 'ERR_STATE',
    message: /vector of 50 elements.*one of 51/,
  })
  const other = make()
  await other.setWeights(await first.getWeights())
  await t.throwsAsync(minimize(rough, new Float32Array(51), other, { steps: 1 }), { code: 'ERR_STATE' })
  for (const one of [whole, first, second, again, other]) one.dispose()
})

test("with data: 'split' the gradient gets the part's number, and none where all of the batch is meant", async (t) => {
  const parts = async (optimizer: FlatOptimizer) => {
    const seen: (number | undefined)[] = []
    const gradient: VectorGradient = (x, ...rest) => {
      seen.push(rest.length === 0 ? undefined : rest[0])
      return x.slice()
    }
    await minimize(gradient, Float32Array.of(1), optimizer, { steps: 1 })
    return seen
  }
  const split = { perturbations: 2, data: 'split', sigma: 0.1 } as const
  t.deepEqual(await parts(nso(sgd(), split)), [0, 0, 1, 1])
  t.deepEqual(await parts(nso(sgd(), { ...split, mixing: 0.5 })), [undefined, 0, 0, 1, 1])
  t.deepEqual(await parts(nso(sgd(), { ...split, sigma: () => 0 })), [undefined])
  t.deepEqual(await parts(nso(sgd(), { ...split, data: 'shared' })), Array(4).fill(undefined))
})

test('the loss is the mean over the passes of the last step', async (t) => {
  let call = 0
  const gradient: VectorGradient = (x) => ({ loss: call++, gradient: x.slice() })
  const losses: (number | null)[] = []
  const optimizer = nso(sgd(), { sigma: 0.1 })
  const onStep = ({ loss }: StepReport) => {
    losses.push(loss)
  }
  const { loss } = await minimize(gradient, Float32Array.of(1, 2), optimizer, { steps: 3, onStep })
  t.deepEqual(losses, [0.5, 2.5, 4.5])
  t.is(loss, 4.5)
})

test('onStep is told step and x, is waited for, and what it throws passes on', async (t) => {
  const seen: [number, number][] = []
  const onStep = async (report: StepReport) => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    const { x } = report
    seen.push([report.step, x[0]!])
    // A copy: nothing that is done to it matters.
    x.fill(9)
  }
  const x0 = Float32Array.of(8)
  await minimize(half, x0, sgd({ learningRate: 0.5 }), { steps: 3, onStep })
  t.deepEqual(seen, [
    [1, 4],
    [2, 2],
    [3, 1],
  ])
  const mine = new RangeError('mine')
  const thrown = await t.throwsAsync(
    minimize(half, x0, sgd(), {
      steps: 3,
      onStep() {
        throw mine
      },
    }),
  )
  t.is(thrown, mine)
})

test('the gradient may be x itself, a view on it, or one array for ever', async (t) => {
  const x0 = Float32Array.of(1, 2, 3)
  const pair = { sigma: 0.25, distribution: 'rademacher', seed: 3 } as const
  const same = new Float32Array(3)
  const gradients: VectorGradient[] = [
    (x) => x,
    (x) => x.subarray(),
    (x) => {
      same.set(x)
      return same
    },
    (x) => runInNewContext('Float32Array').from(x),
  ]
  for (const make of [() => nso(momentum(), { ...pair, perturbations: 2 }), () => sam(momentum()), () => momentum()]) {
    const expected = await minimize(half, x0, make(), { steps: 3 })
    for (const gradient of gradients) {
      const { x } = await minimize(gradient, x0, make(), { steps: 3 })
      t.deepEqual(words(x), words(expected.x))
    }
  }
})

test('an abort, even in one long stretch of steps, gives the x of whole steps', async (t) => {
  const make = () => nso(adam({ learningRate: 0.01 }), { sigma: 0.1, seed: 1 })
  const x0 = Float32Array.of(1, 2, 3)
  const cause = new Error('enough')
  const controller = new AbortController()
  setTimeout(() => controller.abort(cause), 30)
  const stopped = minimize(half, x0, make(), { steps: 1e9, signal: controller.signal })
  const { code, partial, cause: reason } = (await t.throwsAsync(stopped, { instanceOf: MinimizeError }))!
  t.is(code, 'ERR_ABORTED')
  t.is(reason, cause)
  t.true(partial.steps > 0)
  t.deepEqual(partial, await minimize(half, x0, make(), { steps: partial.steps }))

  const inside = new AbortController()
  const onStep = ({ step }: StepReport) => {
    if (step === 2) inside.abort()
  }
  const second = await t.throwsAsync(minimize(half, x0, make(), { steps: 5, signal: inside.signal, onStep }), {
    instanceOf: MinimizeError,
  })
  t.is(second!.partial.steps, 2)
  const before = await t.throwsAsync(minimize(half, x0, make(), { steps: 5, signal: AbortSignal.abort() }), {
    instanceOf: MinimizeError,
  })
  t.deepEqual(before!.partial, { x: x0, steps: 0, loss: null, gradients: 0 })
  t.not(before!.partial.x, x0)
})

test('1,000 steps own no more memory than one', async (t) => {
  const n = 100_000
  const gradient = new Float32Array(n).fill(1)
  const optimizer = nso(adam(), { sigma: 0.1, perturbations: 2, seed: 1 })
  const arrays = () => process.memoryUsage().arrayBuffers
  collect()
  const before = arrays()
  let most = 0
  await minimize(() => gradient, new Float32Array(n), optimizer, {
    steps: 1000,
    onStep: () => {
      most = Math.max(most, arrays() - before)
    },
  })
  t.true(most < 6 * 4 * n, `${most} bytes of arrays`)
  t.true(optimizer.memory!.bytes < 5.01 * 4 * n)
  optimizer.dispose()
})

test('overhead a step of a vector of 5,000, for the record', async (t) => {
  const gradient = new Float32Array(5000).fill(1e-3)
  for (const [name, optimizer] of [
    ['sgd', sgd()],
    ['nso(sgd)', nso(sgd(), { sigma: 0.1 })],
    ['nso(adam)', nso(adam(), { sigma: 0.1 })],
  ] as const) {
    const run = (steps: number) => minimize(() => gradient, new Float32Array(5000), optimizer, { steps })
    await run(500)
    const begun = performance.now()
    await run(2000)
    t.log(`${name}: ${((performance.now() - begun) / 2).toFixed(1)} µs a step`)
    optimizer.dispose()
  }
  t.pass()
})
