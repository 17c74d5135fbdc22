import test from 'ava'
import {
  adam,
  adamw,
  curvature,
  lion,
  momentum,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  SaltflatError,
  type SmoothedTraceOptions,
  sam,
  sgd,
  smoothedTrace,
} from '../src/index.ts'
import { predicate } from '../src/options.ts'
import { tf } from './helpers/backends.ts'

type Bad = readonly [option: string, values: readonly unknown[]]

const notANumber = [Number.NaN, Number.POSITIVE_INFINITY, '0.1', null, {}, [1], true, 1n] as const
const rate: Bad = ['learningRate', [-1e-9, -1, 1e39, ...notANumber]]
const decay = (name: string): Bad => [name, [-0.1, 1, 1.5, ...notANumber]]
const nonNegative = (name: string): Bad => [name, [-1e-9, 1e39, ...notANumber]]
const positive = (name: string): Bad => [name, [0, -0, -0.01, ...notANumber]]
const unknown: Bad = ['sigmma', [0.1, undefined]]
const common: Bad[] = [
  ['seed', [-1, 1.5, 2 ** 53, Number.NaN, '7', null]],
  ['batchNorm', ['', 'mean', 'Last', null, 0]],
  ['filter', [1, null, {}, ['kernel', 2]]],
  unknown,
]
/** What every base optimizer takes. */
const gradient: Bad[] = [
  nonNegative('weightDecay'),
  nonNegative('l2'),
  positive('clipNorm'),
  positive('clipValue'),
  ['accumulation', [0, -1, 1.5, 2 ** 25, Number.NaN, '2', null]],
  ['decayFilter', [1, {}, [1], null]],
  ['distance', [-1, Number.NaN, 'far', [], [1], [{ strength: -1 }], [{ strength: 1, from: 'here' }], [{ sigma: 1 }]]],
]
const flag = (name: string): Bad => [name, [1, 'true', null]]
const moments: Bad[] = [
  ...[rate, decay('beta1'), decay('beta2'), positive('epsilon'), flag('amsgrad')],
  ...gradient,
  unknown,
]
const noise: Bad[] = [
  ['rounds', [8, 0, '10', null]],
  positive('sigma'),
  ['sigma', [1e39]],
  ['perturbations', [0, -1, 1.5, 1e9, 2 ** 24 + 1, Number.NaN, '2', null]],
  ['distribution', ['normal', 'Gaussian', null, 1]],
  decay('mixing'),
  ['data', ['Split', 'batch', null, 1]],
  ...common,
]

/** Every factory as a function of its options, and what is bad for it. */
const factories: [string, (options: never) => unknown, readonly Bad[]][] = [
  ['sgd', sgd, [rate, ...gradient, unknown, ['momentum', [0.9]]]],
  ['momentum', momentum, [rate, decay('momentum'), ...gradient, unknown]],
  ['adam', adam, [...moments, ['decay', [0.1]]]],
  ['adamw', adamw, moments],
  ['nesterov', nesterov, [rate, decay('momentum'), ...gradient, unknown]],
  [
    'rmsprop',
    rmsprop,
    [rate, decay('decay'), decay('momentum'), positive('epsilon'), flag('centered'), ...gradient, unknown],
  ],
  ['lion', lion, [rate, decay('beta1'), decay('beta2'), ...gradient, unknown, ['epsilon', [0.1]]]],
  ['nso', (options) => nso(sgd(), options), [...noise, ['rho', [0.1]]]],
  ['oneSided', (options) => oneSided(sgd(), options), [...noise, ['rho', [0.1]]]],
  ['sam', (options) => sam(sgd(), options), [positive('rho'), ...common, ['sigma', [0.1]]]],
]

function refused(t: import('ava').ExecutionContext, make: () => unknown, what: string): void {
  const error = t.throws(make, { instanceOf: SaltflatError }, what)
  t.is(error?.code, 'ERR_INVALID_ARGUMENT', what)
  t.regex(error?.message ?? '', /^Expected .+, received .+\./, what)
}

const shown = (value: unknown) => (typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value)))

for (const [name, factory, table] of factories) {
  test(`${name} refuses what is out of range, of another type, or unknown`, (t) => {
    for (const [option, values] of table) {
      for (const value of values) {
        const what = `${name}({ ${option}: ${shown(value)} })`
        refused(t, () => factory({ [option]: value } as never), what)
      }
    }
    for (const options of [null, 'fast', 1]) refused(t, () => factory(options as never), `${name}(${options})`)
  })

  test(`${name} takes no options, undefined ones, and what is in range`, (t) => {
    for (const options of [undefined, {}, { learningRate: undefined, sigma: undefined, rho: undefined }]) {
      const known = Object.fromEntries(
        Object.entries(options ?? {}).filter(([key]) =>
          table.some(([option, values]) => option === key && values.length > 1),
        ),
      )
      const optimizer = factory((options === undefined ? undefined : known) as never) as ReturnType<typeof sgd>
      t.true(optimizer.passesPerStep >= 1)
      optimizer.dispose()
    }
  })
}

test('the message names the option, what came, and what is known', (t) => {
  t.throws(() => nso(sgd(), { sigma: -0.01 }), { message: /sigma, received -0\.01\./ })
  t.throws(() => nso(sgd(), { sigma: 'big' as never }), { message: /sigma, received the string "big"\./ })
  t.throws(() => sam(sgd(), { rhoo: 1 } as never), { message: /^Expected only rho, .+received 'rhoo'\./ })
  t.throws(() => adam({ beta1: 1 }), { message: /beta1 < 1, received 1\./ })
  t.throws(() => nso(sgd(), { seed: 2 ** 53 }), { message: /for seed, received 9007199254740992\./ })
})

test('a base must be ours and alone, or a tfjs optimizer', (t) => {
  const wrongs = [undefined, null, 'adam', 1, {}, { applyGradients() {} }, nso(sgd()), sam(adam()), sgd]
  for (const wrap of [nso, oneSided, sam]) {
    for (const wrong of wrongs) refused(t, () => wrap(wrong as never), `${wrap.name}(${String(wrong)})`)
    const ours = [sgd(), momentum(), nesterov(), adam(), adamw(), rmsprop(), lion()]
    for (const right of [...ours, tf.train.sgd(0.1)]) t.notThrows(() => wrap(right).dispose())
  }
})

test('bounds themselves', (t) => {
  for (const make of [
    () => adam({ learningRate: 0, beta1: 0, beta2: 0, epsilon: 1e-44 }),
    () => adamw({ weightDecay: 0 }),
    () => momentum({ momentum: 0 }),
    () => rmsprop({ decay: 0, momentum: 0, epsilon: 1e-44 }),
    () => lion({ beta1: 0, beta2: 0 }),
    () => sgd({ l2: 0, weightDecay: 0, distance: 0, clipNorm: 1e-44, accumulation: 2 ** 24 }),
    () => nesterov({ clipValue: Number.MAX_VALUE, accumulation: 1, distance: [{ strength: 0 }] }),
    () => nso(sgd(), { sigma: Number.MIN_VALUE, perturbations: 2 ** 24, mixing: 0, seed: Number.MAX_SAFE_INTEGER }),
    () => sam(sgd(), { rho: 1e30, seed: 0 }),
  ]) {
    t.notThrows(() => make().dispose())
  }
})

test('one bound of the gradient at most', (t) => {
  for (const make of [sgd, momentum, nesterov, adam, adamw, rmsprop, lion]) {
    t.throws(() => make({ clipNorm: 1, clipValue: 1 }), {
      code: 'ERR_INVALID_ARGUMENT',
      message: /^Expected clipNorm or clipValue, not both, received 1\./,
    })
    t.notThrows(() => make({ clipNorm: 1, clipValue: undefined }).dispose())
  }
})

test('without a seed one is drawn, another each time, and Math.random is not needed for it twice', (t) => {
  const seeds = Array.from({ length: 8 }, () => nso(sgd()).seed)
  t.is(new Set(seeds).size, 8)
  t.true(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0))
  t.is(nso(sgd(), { seed: 12 }).seed, 12)
})

test('one base serves two optimizers, which do not share its learning rate', (t) => {
  const base = sgd({ learningRate: 0.1 })
  const [a, b] = [nso(base), nso(base)]
  a.learningRate = 0.5
  t.deepEqual([a.learningRate, b.learningRate, base.learningRate], [0.5, 0.1, 0.1])
})

test('filters: a part, an expression with state, several, a function, none', (t) => {
  const names = ['dense_1/kernel', 'dense_1/bias', 'conv_2/kernel']
  const by = (filter: Parameters<typeof predicate>[0]) => names.map((name, i) => predicate(filter)(name, i))
  t.deepEqual(by(undefined), [true, true, true])
  t.deepEqual(by('kernel'), [true, false, true])
  const expression = /kernel$/g
  t.deepEqual(by(expression), [true, false, true])
  t.is(expression.lastIndex, 0)
  t.deepEqual(by(['bias', /^conv/]), [false, true, true])
  t.deepEqual(by([]), [false, false, false])
  t.deepEqual(
    by((_, i) => i === 1),
    [false, true, false],
  )
})

async function traced(t: import('ava').ExecutionContext, table: readonly Bad[], rest: readonly unknown[]) {
  await tf.setBackend('cpu')
  const w = tf.variable(tf.zeros([2]))
  const loss = () => tf.sum(tf.square(w)) as tf.Scalar
  const good: SmoothedTraceOptions = { variables: [w], sigma: 0.1, pairs: 1 }
  t.is(smoothedTrace(loss, good).samples, 1)
  for (const [option, values] of table) {
    for (const value of values) {
      const what = `smoothedTrace with ${option} of ${typeof value}`
      refused(t, () => smoothedTrace(loss, { ...good, [option]: value } as never), what)
    }
  }
  for (const options of rest) refused(t, () => smoothedTrace(loss, options as never), `${options}`)
  t.throws(() => smoothedTrace(loss, { ...good, variables: [] }), { code: 'ERR_EMPTY' })
  w.dispose()
}

test.serial('smoothedTrace refuses what is out of range or of another type', (t) =>
  traced(
    t,
    [
      positive('sigma'),
      ['sigma', [undefined]],
      ['pairs', [0, 1.5, -1, 1e9, '2', null]],
      ['seed', [-1, 1.5, 2 ** 53, '1', null]],
      ['filter', [1, {}]],
      ['variables', [[1]]],
    ],
    [],
  ),
)

test.serial('smoothedTrace refuses unknown options and variables that are no list', (t) =>
  traced(
    t,
    [
      ['distribution', ['rademacher']],
      ['variables', [undefined, null, 'all']],
    ],
    [undefined, null, 1],
  ),
)

test('curvature refuses what is no optimizer of saltflat', (t) => {
  for (const wrong of [undefined, null, 1, {}, tf.train.sgd(0.1)]) {
    refused(t, () => curvature(wrong as never), String(wrong))
  }
})
