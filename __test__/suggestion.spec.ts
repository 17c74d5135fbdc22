import test from 'ava'
import { nso, sgd } from '../src/index.ts'
import { suggestion } from '../src/suggestion.ts'

const known = ['learningRate', 'l2', 'rho', 'seed', 'sigma', 'perturbations']

test('the nearest word within two edits, fewer in short words', (t) => {
  for (const [word, meant] of [
    ['sigmaa', 'sigma'],
    ['sgima', 'sigma'],
    ['SIGMA', 'sigma'],
    ['igma', 'sigma'],
    ['rhoo', 'rho'],
    ['learning_rate', 'learningRate'],
    ['learnRate', undefined],
    ['perturbation', 'perturbations'],
    ['sed', 'seed'],
    ['lr', undefined],
    ['x', undefined],
    ['', undefined],
    ['tau', undefined],
    ['momentum', undefined],
    ['s'.repeat(1e6), undefined],
  ] as const) {
    t.is(suggestion(word, known), meant, word.slice(0, 20))
  }
  t.is(suggestion('sigmab', ['sigmaaa', 'sigma']), 'sigma')
})

test('a misspelt option is answered by the one that was meant', (t) => {
  t.throws(() => nso(sgd(), { sigmaa: 1 } as never), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /^Expected only sigma, .+, received unknown option 'sigmaa'\. Did you mean 'sigma'\?$/,
  })
  t.throws(() => nso(sgd(), { strength: 1 } as never), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /received unknown option 'strength'\. Look for a misspelt name\.$/,
  })
})
