import {
  adam,
  adamw,
  FlatOptimizer,
  lion,
  momentum,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  sam,
  sgd,
} from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { type Case, each, notANumber, type Theme, written } from './case.ts'

type Bad = readonly [option: string, values: readonly unknown[]]

const rate: Bad = ['learningRate', [-1e-9, -1, 1e39, ...notANumber]]
const decay = (name: string): Bad => [name, [-0.1, 1, 1.5, ...notANumber]]
const nonNegative = (name: string): Bad => [name, [-1e-9, 1e39, ...notANumber]]
const positive = (name: string): Bad => [name, [0, -0, -0.01, ...notANumber]]
const flag = (name: string): Bad => [name, [1, 'true', null]]
const unknown: Bad = ['sigmma', [0.1, undefined]]
const device: Bad = ['device', ['gpu', 'CUDA', 'cuda:0', '', null, 0, true]]
const common: Bad[] = [
  ['seed', [-1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '7', null, 1n]],
  ['batchNorm', ['', 'mean', 'Last', null, 0]],
  ['filter', [1, null, {}, ['kernel', 2]]],
  device,
  unknown,
]
/** What every base optimizer takes. */
const gradient: Bad[] = [
  nonNegative('weightDecay'),
  nonNegative('l2'),
  positive('clipNorm'),
  positive('clipValue'),
  ['accumulation', [0, -1, 1.5, 1e9, 2 ** 25, Number.NaN, '2', null]],
  ['decayFilter', [1, {}, [1], null]],
  ['distance', [-1, Number.NaN, 'far', [], [1], [{ strength: -1 }], [{ strength: 1, from: 'here' }], [{ sigma: 1 }]]],
  ['seed', [-1, Number.NaN, '7']],
  device,
]
const moments: Bad[] = [
  ...[rate, decay('beta1'), decay('beta2'), positive('epsilon'), flag('amsgrad')],
  ...gradient,
  unknown,
]
// What is 0 in f32 would perturb nothing.
const size = (name: string): Bad => [name, [1e-46, ...positive(name)[1]]]
const noise: Bad[] = [
  ['rounds', [8, 0, '10', null]],
  size('sigma'),
  ['sigma', [1e39, { kind: 'cosinus' }, { kind: 'linear', initial: 0 }]],
  ['perturbations', [0, -1, 1.5, 1e9, 2 ** 24 + 1, Number.NaN, Number.POSITIVE_INFINITY, '2', null]],
  ['distribution', ['normal', 'Gaussian', null, 1]],
  decay('mixing'),
  ['data', ['Split', 'batch', null, 1]],
  ...common,
]

/** Every factory as a function of its options, and what is bad for it. */
export const factories: readonly [string, (options: never) => FlatOptimizer, readonly Bad[]][] = [
  ['sgd', sgd, [rate, ...gradient, unknown, ['momentum', [0.9]]]],
  ['momentum', momentum, [rate, decay('momentum'), ...gradient, unknown]],
  ['nesterov', nesterov, [rate, decay('momentum'), ...gradient, unknown]],
  ['adam', adam, [...moments, ['decay', [0.1]]]],
  ['adamw', adamw, moments],
  [
    'rmsprop',
    rmsprop,
    [rate, decay('decay'), decay('momentum'), positive('epsilon'), flag('centered'), ...gradient, unknown],
  ],
  ['lion', lion, [rate, decay('beta1'), decay('beta2'), ...gradient, unknown, ['epsilon', [0.1]]]],
  ['nso', (options) => nso(sgd(), options), [...noise, ['rho', [0.1]]]],
  ['oneSided', (options) => oneSided(sgd(), options), [...noise, ['rho', [0.1]]]],
  ['sam', (options) => sam(sgd(), options), [size('rho'), ...common, ['sigma', [0.1]]]],
]

const notABase = [undefined, null, 'adam', 1, {}, { applyGradients() {} }, sgd, tf.train]
const wrappers = { nso, oneSided, sam }

/** Options of every factory, one case a value. */
export const options: Theme = {
  name: 'options of the optimizers',
  on: 'once',
  cases: [
    ...factories.flatMap(([of, factory, table]): Case[] => [
      ...table.flatMap(([option, values]) =>
        each(of, option, values, (value) => factory({ [option]: value } as never)),
      ),
      ...each(of, 'options', [null, 'fast', 1, Symbol.iterator], (value) => factory(value)),
    ]),
    ...Object.entries(wrappers).flatMap(([of, wrap]): Case[] => [
      ...each(of, 'base', notABase, (value) => wrap(value)),
      {
        of,
        what: 'a base that is wrapped already',
        outcome: 'ERR_INVALID_ARGUMENT',
        given(world) {
          const inner = world.hold(nso(sgd()))
          return () => wrap(inner)
        },
      },
    ]),
    ...each('adam', 'clipNorm and clipValue', [1], (value) => adam({ clipNorm: value, clipValue: value })),
    ...each('nso', 'accumulation × perturbations', [2 ** 13], (value) =>
      nso(sgd({ accumulation: value }), { perturbations: value }),
    ),
    ...each('FlatOptimizer', 'settings', [undefined, null, 1, 'nso'], (value) => new FlatOptimizer(value)),
    ...[-1, 1e39, ...notANumber].map(
      (value): Case => ({
        of: 'FlatOptimizer.learningRate',
        what: `set to ${written(value)}`,
        outcome: 'ERR_INVALID_ARGUMENT',
        given(world) {
          const optimizer = world.hold(sgd())
          return () => {
            optimizer.learningRate = value as number
          }
        },
      }),
    ),
  ],
}
