import { isDeepStrictEqual } from 'node:util'
import {
  abortable,
  adam,
  curvature,
  type FlatOptimizer,
  nso,
  reestimateBatchNorm,
  registerKernels,
  registerTfjs,
  sgd,
} from '../../../src/index.ts'
import { bits, tf } from '../../helpers/backends.ts'
import { start } from '../../helpers/training.ts'
import { assert, type Case, each, type Outcome, simple, type Theme, type World, written } from './case.ts'

const noisy = () => nso(sgd({ learningRate: 0.01 }), { sigma: 0.1, seed: 4 })

function model(world: World, layers: tf.layers.Layer[], optimizer: FlatOptimizer = noisy()): tf.LayersModel {
  const made = tf.sequential({ layers })
  made.compile({ optimizer: world.hold(optimizer), loss: 'meanSquaredError' })
  world.hold(made as unknown as { dispose(): void })
  return made
}

const dense = (options = {}) => tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: start(1), ...options })
const normal = (world: World) => model(world, [tf.layers.batchNormalization({ inputShape: [2] }), dense()])

/** Models and batches that cannot be trained on. */
const batches: [string, Outcome, (world: World) => [tf.LayersModel, tf.Tensor, tf.Tensor]][] = [
  [
    'no weights',
    'ERR_EMPTY',
    (world) => [
      model(world, [tf.layers.activation({ activation: 'relu', inputShape: [1] })]),
      tf.ones([2, 1]),
      tf.ones([2, 1]),
    ],
  ],
  [
    'no trainable weight',
    'ERR_EMPTY',
    (world) => [model(world, [dense({ trainable: false })]), tf.ones([2, 2]), tf.ones([2, 1])],
  ],
  [
    'NaN in the inputs',
    'ERR_NOT_FINITE',
    (world) => [model(world, [dense()]), tf.fill([2, 2], Number.NaN), tf.ones([2, 1])],
  ],
  [
    'Infinity in the targets',
    'ERR_NOT_FINITE',
    (world) => [model(world, [dense()]), tf.ones([2, 2]), tf.fill([2, 1], Number.POSITIVE_INFINITY)],
  ],
]

/** What `reestimateBatchNorm` may be given besides a model. */
const inputs: [string, Outcome, () => unknown, object?][] = [
  ['no inputs', 'ERR_INVALID_ARGUMENT', () => undefined],
  ['null', 'ERR_INVALID_ARGUMENT', () => null],
  ['numbers', 'ERR_INVALID_ARGUMENT', () => [[1, 2]]],
  ['a Float32Array', 'ERR_INVALID_ARGUMENT', () => new Float32Array(2)],
  ['a gap', 'ERR_INVALID_ARGUMENT', () => [tf.ones([2, 2]), null]],
  ['an empty list', 'ERR_EMPTY', () => []],
  ['no examples', 'ERR_EMPTY', () => tf.zeros([0, 2])],
  ['a scalar', 'ERR_SHAPE', () => tf.scalar(1)],
  ['another width', 'ERR_SHAPE', () => tf.ones([4, 3])],
  ['another rank', 'ERR_SHAPE', () => tf.ones([4, 2, 1])],
  ['too many inputs', 'ERR_SHAPE', () => [tf.ones([4, 2]), tf.ones([4, 2])]],
  ['inputs of other lengths', 'ERR_SHAPE', () => [tf.ones([4, 2]), tf.ones([3, 2])]],
  ['a disposed tensor', 'ERR_DISPOSED', gone],
  ...[0, -1, 1.5, 2 ** 32, Number.NaN, '32', null].map((batchSize): [string, Outcome, () => unknown, object] => [
    `batchSize ${batchSize}`,
    'ERR_INVALID_ARGUMENT',
    () => tf.ones([4, 2]),
    { batchSize },
  ]),
  ['an unknown option', 'ERR_INVALID_ARGUMENT', () => tf.ones([4, 2]), { batchSizes: 4 }],
  ['options that are none', 'ERR_INVALID_ARGUMENT', () => tf.ones([4, 2]), 'fast' as unknown as object],
]

/** Models, and what looks at them. */
export const models: Theme = {
  name: 'models and callbacks',
  on: 'each backend',
  cases: [
    // Through trainOnBatch: stock `fit` itself leaks a tensor where a batch is refused.
    ...batches.map(
      ([what, outcome, make]): Case => ({
        of: 'LayersModel.trainOnBatch',
        what,
        outcome,
        given(world) {
          const [one, x, y] = make(world)
          return () => one.trainOnBatch(x, y)
        },
      }),
    ),
    {
      of: 'LayersModel.trainOnBatch',
      what: 'no examples: a loss of 0, or of NaN where the backend says so',
      outcome: 'works',
      // Its mean of nothing is whatever lies in the memory it gets.
      except: 'wasm',
      given(world) {
        const [one, x, y] = [model(world, [dense()]), tf.zeros([0, 2]), tf.zeros([0, 1])]
        const before = one.getWeights().map(bits)
        return async () => {
          const outcome: unknown = await one.trainOnBatch(x, y).catch(({ code }) => code)
          assert(outcome === 0 || outcome === 'ERR_NOT_FINITE', `it is one of the two, not ${outcome}`)
          assert(isDeepStrictEqual(one.getWeights().map(bits), before), 'the weights are bit-equal')
        }
      },
    },
    {
      of: 'LayersModel.trainOnBatch',
      what: 'one optimizer on two models',
      outcome: 'ERR_STATE',
      async given(world) {
        const optimizer = noisy()
        const [first, second] = [model(world, [dense()], optimizer), model(world, [dense()], optimizer)]
        const [x, y] = [tf.ones([2, 2]), tf.ones([2, 1])]
        await first.trainOnBatch(x, y)
        return () => second.trainOnBatch(x, y)
      },
    },
    {
      of: 'LayersModel.trainOnBatch',
      what: 'two optimizers on one model, in turns',
      outcome: 'works',
      async given(world) {
        const one = model(world, [dense()])
        const optimizers = [noisy(), adam(), noisy()].map((optimizer) => world.hold(optimizer))
        const [x, y] = [tf.ones([2, 2]), tf.ones([2, 1])]
        return async () => {
          for (const optimizer of [...optimizers, ...optimizers]) {
            one.compile({ optimizer, loss: 'meanSquaredError' })
            assert(Number.isFinite(await one.trainOnBatch(x, y)), 'the loss is a number')
          }
          assert(
            optimizers.every(({ iterations }) => iterations === 2),
            'all steps were taken',
          )
        }
      },
    },
    {
      of: 'LayersModel.trainOnBatch',
      what: 'a layer frozen between two steps',
      outcome: 'ERR_STATE',
      async given(world) {
        const optimizer = noisy()
        const one = model(world, [dense({ units: 2 }), tf.layers.dense({ units: 1 })], optimizer)
        const [x, y] = [tf.ones([2, 2]), tf.ones([2, 1])]
        await one.trainOnBatch(x, y)
        one.layers[0]!.trainable = false
        one.compile({ optimizer, loss: 'meanSquaredError' })
        return () => one.trainOnBatch(x, y)
      },
    },
    ...inputs.map(
      ([what, outcome, make, options]): Case => ({
        of: 'reestimateBatchNorm',
        what,
        outcome,
        given(world) {
          const [one, x] = [normal(world), make()]
          return () => reestimateBatchNorm(one, x as tf.Tensor, options)
        },
      }),
    ),
    ...[undefined, null, 1, {}, 'model', []].map(
      (value): Case => ({
        of: 'reestimateBatchNorm',
        what: `model: ${written(value)}`,
        outcome: 'ERR_INVALID_ARGUMENT',
        given() {
          const x = tf.ones([2, 2])
          return () => reestimateBatchNorm(value as unknown as tf.LayersModel, x)
        },
      }),
    ),
    {
      of: 'reestimateBatchNorm',
      what: 'a model without BatchNorm',
      outcome: 'works',
      given(world) {
        const [one, x] = [model(world, [dense()]), tf.ones([2, 2])]
        return () => assert(reestimateBatchNorm(one, x) === 0, 'there is none')
      },
    },
    ...each('abortable', 'signal', [undefined, null, 1, 'abort', {}, [], new AbortController()], (value) =>
      abortable(value),
    ),
    ...each('curvature', 'optimizer', [undefined, null, 1, 'nso', {}, [], nso, tf.train], (value) => curvature(value)),
    simple('curvature', 'an optimizer without pairs', 'ERR_UNSUPPORTED', () => curvature(adam())),
    ...each('registerTfjs', 'module', [undefined, null, 1, {}], (value) => registerTfjs(value as never)),
    simple('registerKernels', 'arguments that it has not', 'works', () => {
      registerKernels()
      ;(registerKernels as (...rest: unknown[]) => void)(null, 'wasm')
    }),
  ],
}

function gone(): tf.Tensor {
  const one = tf.ones([4, 2])
  one.dispose()
  return one
}
