import test from 'ava'
import { adam, adamw, lion, momentum, nesterov, nso, oneSided, rmsprop, sam, sgd } from '../src/index.ts'
import { predicate } from '../src/options.ts'
import { factories } from './conformance/bad-input/options.ts'
import { tf } from './helpers/backends.ts'

// What options may be. What they may not be is in conformance/bad-input/.

// A stock optimizer makes a tensor when it is made.
test.before(() => tf.setBackend('cpu'))

for (const [name, factory, table] of factories) {
  test(`${name} takes no options, and undefined ones`, (t) => {
    // A name with one bad value alone is one that it does not know.
    const known = table.filter(([, values]) => values.length > 2).map(([option]) => option)
    for (const options of [undefined, {}, Object.fromEntries(known.map((option) => [option, undefined]))]) {
      const optimizer = factory(options as never)
      t.true(optimizer.passesPerStep >= 1)
      optimizer.dispose()
    }
  })
}

test('the message names the option, what came, and what is known', (t) => {
  t.throws(() => nso(sgd(), { sigma: -0.01 }), { message: /sigma, received -0\.01\./ })
  t.throws(() => nso(sgd(), { sigma: 'big' as never }), { message: /sigma, received the string "big"\./ })
  t.throws(() => sam(sgd(), { rhoo: 1 } as never), {
    message: /^Expected only rho, .+received unknown option 'rhoo'\. Did you mean 'rho'\?$/,
  })
  t.throws(() => adam({ beta1: 1 }), { message: /beta1 < 1, received 1\./ })
  t.throws(() => nso(sgd(), { seed: 2 ** 53 }), { message: /for seed, received 9007199254740992\./ })
})

test('a base is ours and alone, or a tfjs optimizer', (t) => {
  for (const wrap of [nso, oneSided, sam]) {
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
    () => nso(sgd(), { sigma: 1e-45, perturbations: 2 ** 24, mixing: 0, seed: Number.MAX_SAFE_INTEGER }),
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
