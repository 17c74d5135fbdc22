import test from 'ava'
import { Turns } from '../../bench/harness/turns.ts'

/** A work that takes a while, and says that it was called. */
const work = (name: string, seen: string[], ms: number) => ({
  before: () => void seen.push(name),
  run() {
    const begun = performance.now()
    while (performance.now() - begun < ms);
  },
})

test('two works take turns, and a round is measured once, whichever is asked first', async (t) => {
  const seen: string[] = []
  const turns = new Turns(work('a', seen, 3), work('b', seen, 1), 0)
  const rounds: [number, number][] = []
  for (const first of [0, 1, 1, 0] as const) {
    const calls = seen.length
    const one = await turns.of(first)
    t.is(seen.length, calls + 2)
    const other = await turns.of(first === 0 ? 1 : 0)
    t.is(seen.length, calls + 2)
    rounds.push(first === 0 ? [one, other] : [other, one])
  }
  for (const [a, b] of rounds) {
    t.true(a >= 3e6, `${a}`)
    t.true(b >= 1e6, `${b}`)
  }
})

test('within a round the order changes at each turn', async (t) => {
  const seen: string[] = []
  await new Turns(work('a', seen, 1), work('b', seen, 1), 2).of(1)
  t.regex(seen.join(''), /^(abba)+(ab)?$/)
  t.true(seen.length >= 4)
})
