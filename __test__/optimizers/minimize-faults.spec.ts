import test from 'ava'
import {
  adam,
  type FlatOptimizer,
  lion,
  MinimizeError,
  minimize,
  momentum,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  SaltflatError,
  sam,
  sgd,
  type VectorGradient,
} from '../../src/index.ts'
import { tf } from '../helpers/backends.ts'

// What `minimize` refuses, and what a run that fails leaves behind.

const half: VectorGradient = (x) => x.slice()
const words = (x: Float32Array) => [...new Uint32Array(x.slice().buffer)]

/** What a gradient function can do wrong. */
const faults: [string, string, (x: Float32Array) => unknown][] = [
  [
    'throws',
    'ERR_LOSS',
    () => {
      throw new TypeError('mine')
    },
  ],
  ['aborts', 'ERR_ABORTED', () => AbortSignal.abort().throwIfAborted()],
  ['gives too few numbers', 'ERR_SHAPE', (x) => x.slice(1)],
  ['gives too many', 'ERR_SHAPE', (x) => new Float32Array(x.length + 1)],
  ['gives a Float64Array', 'ERR_DTYPE', (x) => Float64Array.from(x)],
  ['gives an array', 'ERR_DTYPE', (x) => Array.from(x)],
  ['gives a Float64Array beside a loss', 'ERR_DTYPE', (x) => ({ loss: 1, gradient: Float64Array.from(x) })],
  ['gives nothing', 'ERR_DTYPE', () => undefined],
  ['gives null', 'ERR_DTYPE', () => null],
  ['gives a Promise', 'ERR_LOSS', (x) => Promise.resolve(x)],
  ['gives no number for the loss', 'ERR_INVALID_ARGUMENT', (x) => ({ loss: '1', gradient: x })],
  ['gives NaN for the loss', 'ERR_NOT_FINITE', (x) => ({ loss: Number.NaN, gradient: x })],
  ['gives NaN', 'ERR_NOT_FINITE', (x) => x.map(() => Number.NaN)],
  ['gives Infinity', 'ERR_NOT_FINITE', (x) => x.map((_, i) => (i === 1 ? Number.POSITIVE_INFINITY : 0))],
  ['gives shared memory', 'ERR_SHARED', (x) => new Float32Array(new SharedArrayBuffer(4 * x.length))],
  [
    'gives a detached array',
    'ERR_DETACHED',
    (x) => {
      const gradient = x.slice()
      structuredClone(gradient, { transfer: [gradient.buffer as ArrayBuffer] })
      return gradient
    },
  ],
  [
    'detaches x',
    'ERR_DETACHED',
    (x) => {
      const gradient = x.slice()
      structuredClone(x, { transfer: [x.buffer as ArrayBuffer] })
      return gradient
    },
  ],
  ['scribbles over x, and throws', 'ERR_LOSS', (x) => x.fill(7) && fail()],
]

const makes: [string, () => FlatOptimizer][] = [
  ['sgd', () => sgd({ learningRate: 0.1 })],
  ['nso, k = 2', () => nso(adam({ learningRate: 0.1 }), { sigma: 0.1, perturbations: 2, seed: 1 })],
  ['one-sided', () => oneSided(momentum({ learningRate: 0.1 }), { sigma: 0.1, seed: 1 })],
  ['nso on rmsprop', () => nso(rmsprop({ learningRate: 0.1, centered: true, momentum: 0.5 }), { sigma: 0.1, seed: 1 })],
  ['nesterov', () => nesterov({ learningRate: 0.1, clipNorm: 0.5, distance: 0.1, weightDecay: 0.1 })],
  ['sam on lion', () => sam(lion({ learningRate: 0.1 }))],
  ['amsgrad', () => adam({ learningRate: 0.1, amsgrad: true })],
  ['sam', () => sam(adam({ learningRate: 0.1 }))],
]

for (const [name, make] of makes) {
  for (const [fault, code, spoil] of faults) {
    test(`${name}: a gradient that ${fault}, at each pass, changes nothing, and training goes on`, async (t) => {
      const x0 = Float32Array.of(1, -2, 3)
      for (let bad = 0; bad < make().passesPerStep; bad++) {
        const [optimizer, twin] = [make(), make()]
        const good = (x: Float32Array) => x.slice()
        let call = -2 * optimizer.passesPerStep
        const spoilt = (x: Float32Array) => (call++ === bad ? spoil(x) : good(x))
        const random = Math.random
        const error = (await t.throwsAsync(minimize(spoilt as VectorGradient, x0, optimizer, { steps: 5 })))!
        t.is(Math.random, random)
        t.true(error instanceof SaltflatError && error instanceof MinimizeError, String(error.stack))
        const { code: received, partial } = error as MinimizeError
        t.is(received, code as never, error.message)
        const expected = await minimize(good, x0, twin, { steps: 2 })
        t.is(partial.steps, 2)
        t.deepEqual(words(partial.x), words(expected.x))
        t.deepEqual(words(x0), words(Float32Array.of(1, -2, 3)))
        t.is(optimizer.iterations, 2)
        const [on, alike] = [optimizer, twin].map((one) => minimize(good, partial.x, one, { steps: 2 }))
        t.deepEqual(words((await on!).x), words((await alike!).x))
        for (const one of [optimizer, twin]) one.dispose()
      }
    })
  }
}

for (const [name, make] of makes) {
  test(`${name}: a gradient function may scribble over its argument`, async (t) => {
    const runs = [
      (x: Float32Array) => x.slice(),
      (x: Float32Array) => {
        const gradient = x.slice()
        x.fill(7)
        return gradient
      },
    ].map(async (gradient) => {
      const optimizer = make()
      const { x } = await minimize(gradient, Float32Array.of(1, -2, 3), optimizer, { steps: 4 })
      const { curvature } = optimizer
      optimizer.dispose()
      return [words(x), curvature?.trace]
    })
    const [plain, scribbled] = await Promise.all(runs)
    t.deepEqual(scribbled, plain)
  })
}

test.serial('one optimizer is for one vector or one model, and for one run at a time', async (t) => {
  await tf.setBackend('cpu')
  const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
  const loss = () => tf.tidy(() => tf.sum(tf.square(w)) as tf.Scalar)
  const [vector, model] = [sgd(), sgd()]
  const x0 = Float32Array.of(1, 2)
  await minimize(half, x0, vector, { steps: 1 })
  t.throws(() => vector.minimize(loss, false, [w]), { code: 'ERR_STATE', message: /received tf\.Variables/ })
  t.throws(() => tf.tidy(() => vector.applyGradients({ [w.name]: tf.ones([2]) })), { code: 'ERR_STATE' })
  model.minimize(loss, false, [w])
  await t.throwsAsync(minimize(half, x0, model, { steps: 1 }), { code: 'ERR_STATE', message: /received a vector/ })

  const first = minimize(half, x0, vector, { steps: 10, onStep: () => new Promise((resolve) => setImmediate(resolve)) })
  await t.throwsAsync(minimize(half, x0, vector, { steps: 1 }), {
    code: 'ERR_STATE',
    message: /one minimize at a time/,
  })
  await first
  t.is(vector.iterations, 11)
  const nested: VectorGradient = (x) => {
    vector.dispose()
    return x
  }
  await t.throwsAsync(minimize(nested, x0, vector, { steps: 1 }), { code: 'ERR_STATE' })

  const disposing = minimize(half, x0, vector, { steps: 9, onStep: () => vector.dispose() })
  const error = await t.throwsAsync(disposing, { instanceOf: MinimizeError })
  t.is(error!.code, 'ERR_DISPOSED')
  t.is(error!.partial.steps, 1)
  t.true(error!.partial.x[0]! < 1)
  await t.throwsAsync(minimize(half, x0, vector, { steps: 1 }), { code: 'ERR_DISPOSED' })
  model.dispose()
  tf.disposeVariables()
})

function fail(): never {
  throw new Error('stop')
}
