import { type FlatOptimizer, nso, SaltflatError, sam, sgd, smoothedTrace } from '../../../src/index.ts'
import { backends, tf } from '../../helpers/backends.ts'
import { assert, type Case, type Outcome, type Theme, type World } from './case.ts'

const noisy = () => nso(sgd({ learningRate: 0.01 }), { sigma: 0.1, seed: 4 })
const threw = /^The loss threw: /

/** What a loss can be or return; a function of the world gives it. */
const bad: [string, Outcome, (world: World) => unknown, RegExp?][] = [
  ['undefined', 'ERR_INVALID_ARGUMENT', () => undefined],
  ['null', 'ERR_INVALID_ARGUMENT', () => null],
  ['a string', 'ERR_INVALID_ARGUMENT', () => 'meanSquaredError'],
  ['a tensor', 'ERR_INVALID_ARGUMENT', ({ loss }) => loss()],
  ['a function that returns nothing', 'ERR_LOSS', () => () => undefined],
  ['a function that returns null', 'ERR_LOSS', () => () => null],
  ['a function that returns a number', 'ERR_LOSS', () => () => 0.5],
  ['a function that returns a string', 'ERR_LOSS', () => () => '0.5'],
  [
    'a function that returns a function',
    'ERR_LOSS',
    ({ loss }) =>
      () =>
        loss,
  ],
  [
    'a function that returns a list',
    'ERR_LOSS',
    ({ loss }) =>
      () => [loss()],
  ],
  [
    'a function that returns a Promise',
    'ERR_LOSS',
    ({ loss }) =>
      async () =>
        loss(),
  ],
  [
    'a function that returns a vector',
    'ERR_LOSS',
    ({ b }) =>
      () =>
        tf.square(b),
  ],
  [
    'a function that returns one element of rank 1',
    'ERR_LOSS',
    ({ loss }) =>
      () =>
        tf.reshape(loss(), [1]),
  ],
  ['a function that returns an empty tensor', 'ERR_LOSS', () => () => tf.zeros([0])],
  [
    'a function that returns int32',
    'ERR_LOSS',
    ({ loss }) =>
      () =>
        tf.cast(loss(), 'int32'),
  ],
  [
    'a function that returns bool',
    'ERR_LOSS',
    ({ loss }) =>
      () =>
        tf.cast(loss(), 'bool'),
  ],
  [
    'a function that returns complex64',
    'ERR_LOSS',
    ({ loss }) =>
      () =>
        tf.complex(loss(), loss()),
  ],
  ['a function that returns text', 'ERR_LOSS', () => () => tf.scalar('low', 'string')],
  [
    'a function that returns what it disposed',
    'ERR_LOSS',
    ({ loss }) =>
      () =>
        disposed(loss()),
  ],
  [
    'NaN',
    'ERR_NOT_FINITE',
    ({ loss }) =>
      () =>
        tf.mul(loss(), Number.NaN),
  ],
  [
    'Infinity',
    'ERR_NOT_FINITE',
    ({ loss }) =>
      () =>
        tf.add(loss(), Number.POSITIVE_INFINITY),
  ],
  [
    '-Infinity',
    'ERR_NOT_FINITE',
    ({ loss }) =>
      () =>
        tf.sub(loss(), Number.POSITIVE_INFINITY),
  ],
  [
    'a gradient of NaN',
    'ERR_NOT_FINITE',
    ({ loss }) =>
      () =>
        steep(Number.NaN)(loss()),
  ],
  [
    'a gradient of Infinity',
    'ERR_NOT_FINITE',
    ({ loss }) =>
      () =>
        steep(Number.POSITIVE_INFINITY)(loss()),
  ],
  ['a constant', 'ERR_NO_GRADIENT', () => () => tf.scalar(1)],
  ['of other variables', 'ERR_NO_GRADIENT', (world) => elsewhere(world)],
  ['a throw', 'ERR_LOSS', () => () => fail(new TypeError('mine')), /^The loss threw: mine/],
  ['a throw of a string', 'ERR_LOSS', () => () => fail('mine'), /^The loss threw: mine/],
  ['a throw of nothing', 'ERR_LOSS', () => () => fail(undefined), threw],
  ['a throw of null', 'ERR_LOSS', () => () => fail(null), threw],
  [
    'a typed throw, which passes',
    'ERR_UNSUPPORTED',
    () => () => fail(new SaltflatError('ERR_UNSUPPORTED', 'Expected x, received y.')),
  ],
  [
    'a throw in the gradient',
    'ERR_LOSS',
    ({ loss }) =>
      () =>
        brokenGradient(loss()),
    /^The gradient of the loss failed: mine/,
  ],
  [
    'tensors of shapes that do not fit',
    'ERR_LOSS',
    ({ a }) =>
      () =>
        tf.matMul(a as tf.Tensor2D, a as tf.Tensor2D),
    threw,
  ],
]

const callers: [string, (world: World, loss: never) => () => unknown][] = [
  ['FlatOptimizer.minimize', (world, loss) => step(world, noisy(), loss)],
  ['smoothedTrace', (world, loss) => () => smoothedTrace(loss, { variables: world.variables, sigma: 0.1, pairs: 2 })],
]

function step(world: World, optimizer: FlatOptimizer, loss: unknown): () => unknown {
  world.hold(optimizer)
  return () => optimizer.minimize(loss as () => tf.Scalar, false, world.variables)
}

/** What the loss does to the optimizer that is calling it. */
const meddling: [string, Outcome, (optimizer: FlatOptimizer, world: World) => unknown][] = [
  ['disposes the optimizer', 'ERR_STATE', (optimizer) => optimizer.dispose()],
  ['takes a step', 'ERR_STATE', (optimizer, { loss, variables }) => optimizer.minimize(loss, false, variables)],
  [
    'applies gradients',
    'ERR_STATE',
    (optimizer, { a }) => tf.tidy(() => optimizer.applyGradients({ [a.name]: tf.ones([2, 3]) })),
  ],
]

const once = (f: () => void, loss: () => tf.Scalar) => {
  let pass = 0
  return () => {
    if (pass++ === 0) f()
    return loss()
  }
}

/** Losses that are none, and what they must not do. */
export const losses: Theme = {
  name: 'losses',
  on: 'each backend',
  cases: [
    ...callers.flatMap(([of, call]) =>
      bad.map(
        ([what, outcome, make, message]): Case => ({
          of,
          what: `a loss that is ${what}`,
          outcome,
          ...(message && { message }),
          ...(what.includes('complex') && { except: 'wasm' }),
          given(world) {
            const loss = make(world)
            // What tensors a loss makes and drops are its own affair: stock losses are made inside tf.tidy, too.
            const tidied =
              typeof loss === 'function' && !/^async/.test(String(loss)) ? () => scoped(loss as () => unknown) : loss
            return call(world, tidied as never)
          },
        }),
      ),
    ),
    ...meddling.map(
      ([what, outcome, meddle]): Case => ({
        of: 'FlatOptimizer.minimize',
        what: `a loss that ${what}`,
        outcome,
        given(world) {
          const optimizer = noisy()
          const loss = once(() => meddle(optimizer, world), world.loss)
          step(world, optimizer, world.loss)()
          return step(world, optimizer, loss)
        },
      }),
    ),
    {
      of: 'FlatOptimizer.setWeights',
      what: 'inside a loss: refused, and the step goes on',
      outcome: 'works',
      async given(world) {
        const [giver, optimizer] = [noisy(), noisy()]
        for (const one of [giver, optimizer]) step(world, one, world.loss)()
        const state = await giver.getWeights()
        let refusal: Promise<unknown> | undefined
        const loss = once(() => {
          refusal = optimizer.setWeights(state).catch((error) => error)
        }, world.loss)
        return async () => {
          step(world, optimizer, loss)()
          assert(((await refusal) as SaltflatError).code === 'ERR_STATE', 'setWeights is refused')
          assert(optimizer.iterations === 2, 'the step was taken')
        }
      },
    },
    ...callers.flatMap(([of, call]) =>
      [1, 2].map(
        (last): Case => ({
          of,
          what: `a loss that disposes its own weight in pass ${last}`,
          outcome: 'ERR_DISPOSED',
          lost: 1,
          given(world) {
            let pass = 0
            const before = world.a.dataSync().slice()
            const loss = () => {
              const value = world.loss()
              if (++pass === last) world.b.dispose()
              return value
            }
            const run = call(world, loss as never)
            return () => {
              try {
                return run()
              } finally {
                assert(
                  world.a.dataSync().every((value, i) => value === before[i]),
                  'the other weight is as it was',
                )
              }
            }
          },
        }),
      ),
    ),
    ...backends.map(
      (other): Case => ({
        of: 'FlatOptimizer.minimize',
        what: `a loss that switches to ${other} in mid-step`,
        outcome: 'works',
        given(world) {
          const optimizer = noisy()
          const loss = () => {
            tf.engine().backendName === other || tf.setBackend(other)
            return world.loss()
          }
          return async () => {
            step(world, optimizer, loss)()
            assert(optimizer.iterations === 1, 'the step was taken')
            assert(world.a.dataSync().every(Number.isFinite), 'the weights are finite')
          }
        },
      }),
    ),
    {
      of: 'FlatOptimizer.minimize',
      what: 'gradients that overflow only in their sum',
      outcome: 'ERR_NOT_FINITE',
      given(world) {
        const huge = tf.customGrad((x) => ({ value: tf.mean(x as tf.Tensor), gradFunc: () => tf.fill([3], 2e38) }))
        return step(world, noisy(), () => tf.tidy(() => huge(world.b) as tf.Scalar))
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'a wrapped stock optimizer that throws',
      outcome: 'ERR_BASE',
      message: /^The base optimizer threw: mine/,
      given(world) {
        const stock = tf.train.sgd(0.1)
        stock.applyGradients = () => fail(new RangeError('mine'))
        return step(world, nso(stock, { sigma: 0.1, seed: 1 }), world.loss)
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'a gradient too small to have a direction, for sam',
      outcome: 'works',
      given(world) {
        const optimizer = sam(sgd({ learningRate: 1 }), { rho: 0.5 })
        const before = world.b.dataSync().slice()
        const flat = () => tf.tidy(() => tf.mul(tf.mean(world.b), 1e-40) as tf.Scalar)
        return () => {
          step(world, optimizer, flat)()
          assert(
            world.b.dataSync().every((value, i) => value === before[i]),
            'nothing moved',
          )
        }
      },
    },
  ],
}

function scoped(loss: () => unknown): unknown {
  tf.engine().startScope()
  let value: unknown
  try {
    value = loss()
    return value
  } finally {
    tf.engine().endScope((value instanceof tf.Tensor ? value : undefined) as never)
  }
}

function disposed(tensor: tf.Tensor): tf.Tensor {
  tensor.dispose()
  return tensor
}

function elsewhere(world: World): () => tf.Scalar {
  const own = world.variable(tf.ones([2]))
  return () => tf.sum(tf.square(own)) as tf.Scalar
}

/** The identity, with this for its gradient. */
function steep(slope: number): (x: tf.Tensor) => tf.Tensor {
  return tf.customGrad((x) => ({
    value: (x as tf.Tensor).clone(),
    gradFunc: (dy) => tf.mul(dy as tf.Tensor, slope),
  })) as (x: tf.Tensor) => tf.Tensor
}

function brokenGradient(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((one) => ({ value: (one as tf.Tensor).clone(), gradFunc: () => fail(new Error('mine')) }))(x)
}

function fail(what: unknown): never {
  throw what
}
