import { estimators } from '../../../src/estimators/index.ts'
import { adam, FlatOptimizer, momentum, type NamedTensor, nso, oneSided, sgd } from '../../../src/index.ts'
import { pack } from '../../../src/optimizers/config.ts'
import { tf } from '../../helpers/backends.ts'
import { assert, type Case, simple, type Theme, type World, written } from './case.ts'

const hex = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('hex')
const fromConfig = (settings: unknown) => FlatOptimizer.fromConfig(FlatOptimizer as never, { settings } as never)
const plain = { estimator: 'plain', options: {}, base: { name: 'sgd', options: {} }, seed: 1, batchNorm: 'last' }

/** Saved configs that are of nobody. */
const configs: [string, 'ERR_STATE' | 'ERR_INVALID_ARGUMENT', unknown][] = [
  ...[undefined, null, 1, {}, '', 'zz', '7b', hex(null), hex(1), hex([]), hex('x'), hex({})].map(
    (value): [string, 'ERR_STATE', unknown] => [written(value), 'ERR_STATE', value],
  ),
  ['no base', 'ERR_STATE', hex({ ...plain, base: undefined })],
  ['a base that is a string', 'ERR_STATE', hex({ ...plain, base: 'sgd' })],
  ['an estimator of another version', 'ERR_STATE', hex({ ...plain, estimator: 'later' })],
  ['an estimator that is a built-in', 'ERR_STATE', hex({ ...plain, estimator: 'constructor' })],
  ['an estimator that is a number', 'ERR_STATE', hex({ ...plain, estimator: 1 })],
  ['a stock class of another name', 'ERR_STATE', hex({ ...plain, base: { className: 'Adagrads', config: {} } })],
  ['a stock class that is a built-in', 'ERR_STATE', hex({ ...plain, base: { className: 'constructor' } })],
  ['a stock class that is a number', 'ERR_STATE', hex({ ...plain, base: { className: 1 } })],
  ['a base without a name', 'ERR_STATE', hex({ ...plain, base: {} })],
  ['a base of another name', 'ERR_INVALID_ARGUMENT', hex({ ...plain, base: { name: 'later', options: {} } })],
  ['a base that is a built-in', 'ERR_INVALID_ARGUMENT', hex({ ...plain, base: { name: 'toString' } })],
  ['a layer for a base', 'ERR_INVALID_ARGUMENT', hex({ ...plain, base: { className: 'Flatten', config: {} } })],
  [
    'an unknown option of the base',
    'ERR_INVALID_ARGUMENT',
    hex({ ...plain, base: { name: 'sgd', options: { lr: 1 } } }),
  ],
  ['an unknown option', 'ERR_INVALID_ARGUMENT', hex({ ...plain, estimator: 'nso', options: { sigmaa: 1 } })],
  ['sigma 0', 'ERR_INVALID_ARGUMENT', hex({ ...plain, estimator: 'nso', options: { sigma: 0 } })],
  ['no seed', 'ERR_INVALID_ARGUMENT', hex({ ...plain, seed: undefined })],
  ['another batchNorm', 'ERR_INVALID_ARGUMENT', hex({ ...plain, batchNorm: 'best' })],
]

/** Values in place of a saved state. */
const notAState: readonly unknown[] = [undefined, null, 1, 'iter', {}, [], [null], [{}], [{ name: 'iter' }], [1, 2]]

function trained(world: World, optimizer: FlatOptimizer): FlatOptimizer {
  world.hold(optimizer).minimize(world.loss, false, world.variables)
  return optimizer
}

/** Optimizers that a state reaches before and after their first step. */
const receivers: [string, (world: World) => FlatOptimizer][] = [
  ['before the first step', (world) => world.hold(nso(momentum(), { seed: 1 }))],
  ['after a step', (world) => trained(world, nso(momentum(), { seed: 1 }))],
]

/** What may have happened to a state on its way. */
const spoilt: [string, 'ERR_STATE' | 'ERR_DISPOSED', (state: NamedTensor[]) => NamedTensor[]][] = [
  ['without its end', 'ERR_STATE', (state) => state.slice(0, -1)],
  ['without its words', 'ERR_STATE', (state) => [state[0]!, ...state.slice(2)]],
  [
    'with words as floats',
    'ERR_STATE',
    ([iter, words, ...rest]) => [iter!, { ...words!, tensor: tf.cast(words!.tensor, 'float32') }, ...rest],
  ],
  [
    'with int32 for a moment',
    'ERR_STATE',
    (state) => [...state.slice(0, -1), { name: 'x', tensor: tf.zeros([3], 'int32') }],
  ],
]

/** Saved states and configs that are none, or of another optimizer. */
export const states: Theme = {
  name: 'states and configs',
  on: 'each backend',
  cases: [
    ...configs.map(([what, outcome, value]) =>
      simple('FlatOptimizer.fromConfig', what, outcome, () => fromConfig(value)),
    ),
    ...[undefined, null].map((config) =>
      simple('FlatOptimizer.fromConfig', `no config but ${config}`, 'ERR_STATE', () =>
        FlatOptimizer.fromConfig(FlatOptimizer as never, config as never),
      ),
    ),
    ...Object.keys(estimators).map((estimator) =>
      simple('FlatOptimizer.fromConfig', `defaults of ${estimator}`, 'works', () =>
        fromConfig(hex({ ...plain, estimator })),
      ),
    ),
    simple('FlatOptimizer.fromConfig', 'a function that was lost, called', 'works', () => {
      const lost = { base: { ...plain.base, options: { learningRate: { $function: true } } } }
      const optimizer = fromConfig(hex({ ...plain, ...lost })) as unknown as FlatOptimizer
      assert(typeof optimizer.learningRate === 'function', 'a function stands in its place')
      optimizer.dispose()
    }),
    ...receivers.flatMap(([when, make]) => [
      ...notAState.map(
        (value): Case => ({
          of: 'FlatOptimizer.setWeights',
          what: `${written(value)}, ${when}`,
          outcome: 'ERR_STATE',
          given(world) {
            const optimizer = make(world)
            return () => optimizer.setWeights(value as NamedTensor[])
          },
        }),
      ),
      ...spoilt.map(
        ([what, outcome, spoil]): Case => ({
          of: 'FlatOptimizer.setWeights',
          what: `a state ${what}, ${when}`,
          outcome,
          async given(world) {
            const [giver, optimizer] = [trained(world, nso(momentum(), { seed: 1 })), make(world)]
            const state = spoil(await giver.getWeights())
            return () => optimizer.setWeights(state)
          },
        }),
      ),
    ]),
    ...[...receivers].flatMap(([when, make]) =>
      [true, false].map(
        (words): Case => ({
          of: 'FlatOptimizer.setWeights',
          what: `a state whose ${words ? 'words were' : 'moment was'} disposed, ${when}`,
          outcome: 'ERR_DISPOSED',
          async given(world) {
            const [giver, optimizer] = [trained(world, nso(momentum(), { seed: 1 })), make(world)]
            const state = (await giver.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))
            state.at(words ? 1 : -1)!.tensor.dispose()
            return () => optimizer.setWeights(state)
          },
        }),
      ),
    ),
    ...[() => nso(adam(), { seed: 1 }), () => oneSided(sgd(), { seed: 1 })].map(
      (other, i): Case => ({
        of: 'FlatOptimizer.setWeights',
        what: `the state of ${i === 0 ? 'nso(adam)' : 'oneSided(sgd)'} for nso(momentum)`,
        outcome: 'ERR_STATE',
        async given(world) {
          const optimizer = trained(world, nso(momentum(), { seed: 1 }))
          const state = await trained(world, other()).getWeights()
          return () => optimizer.setWeights(state)
        },
      }),
    ),
    {
      of: 'FlatOptimizer.getWeights',
      what: 'of a wrapped optimizer that rejects',
      outcome: 'works',
      given(world) {
        const stock = tf.train.adam(0.1)
        stock.getWeights = () => Promise.reject(new RangeError('mine'))
        const optimizer = trained(world, nso(stock, { seed: 1 }))
        return async () => {
          const error: unknown = await optimizer.getWeights().catch((cause) => cause)
          assert(error instanceof RangeError, 'its own error passes, and what was copied is given back')
        }
      },
    },
    ...(['getWeights', 'setWeights', 'applyGradients'] as const).map(
      (of): Case => ({
        of: `FlatOptimizer.${of}`,
        what: 'of a disposed optimizer',
        outcome: 'ERR_DISPOSED',
        given() {
          const optimizer = sgd()
          optimizer.dispose()
          return () => optimizer[of]([] as never)
        },
      }),
    ),
    {
      of: 'FlatOptimizer.dispose',
      what: 'twice, before and after a step',
      outcome: 'works',
      given: (world) => () => {
        for (const optimizer of [nso(sgd()), trained(world, nso(sgd()))]) {
          optimizer.dispose()
          optimizer.dispose()
          assert(optimizer.disposed, 'it is disposed')
        }
      },
    },
    {
      of: 'FlatOptimizer.getConfig',
      what: 'of every base and wrapped one, and back',
      outcome: 'works',
      given: () => () => {
        for (const optimizer of [sgd(), nso(adam(), { seed: 1, filter: /k/g }), nso(tf.train.adam(0.1), { seed: 2 })]) {
          const again = fromConfig(pack(optimizer.settings)) as unknown as FlatOptimizer
          assert(pack(again.settings) === pack(optimizer.settings), 'it is the same')
          for (const one of [again, optimizer]) one.dispose()
        }
      },
    },
  ],
}
