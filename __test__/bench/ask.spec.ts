import test from 'ava'
import { ask } from '../../bench/harness/ask.ts'
import type { Contestant, Question } from '../../bench/harness/question.ts'

const contestant = (name: string, more: Partial<Contestant>): Contestant => ({
  ...{ name, host: 'native', work: 'perturb', unit: 'ns', scale: 1 },
  options: { size: 100, distribution: 'gaussian', threads: 1 },
  ...more,
})

test('who cannot take part is left out with the reason, and the others are measured', async (t) => {
  const contestants = [
    contestant('one', { goal: { atMost: 0 } }),
    contestant('unknown', { work: 'nothing' }),
    contestant('refused', { options: { size: 100, distribution: 'gaussian', threads: 1, simd: 'mmx' } }),
  ]
  const claims = [{ contestant: 'one', against: 'refused', as: 'faster' as const }]
  const question: Question = {
    ...{ about: '', works: {} },
    groups: () => [{ what: 'something', rounds: 3, budget: 1, contestants, claims }],
  }
  const heard: number[] = []
  // Works are those of the question of this name, in its process.
  const { rows, skipped } = await ask('noise', question, { levels: [], quick: true }, (found) => {
    heard.push(found.length)
  })
  t.deepEqual(
    rows.map(({ contestant: name, rounds, met }) => [name, rounds, met]),
    [['one', 3, null]],
  )
  t.true(rows[0]!.value > 0)
  t.deepEqual(heard, [1])
  t.deepEqual(
    skipped.map(({ contestant: name }) => name),
    ['unknown', 'refused'],
  )
  t.regex(skipped[0]!.why, /no work called nothing/)
  t.regex(skipped[1]!.why, /mmx/)
})
