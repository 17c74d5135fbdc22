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

test.serial('two works take turns, and a round is measured once, whichever is asked first', async (t) => {
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

test.serial('the order changes at each turn, within a round and from round to round', async (t) => {
  const seen: string[] = []
  const turns = new Turns(work('a', seen, 0), work('b', seen, 0), 0)
  for (let round = 0; round < 4; round++) for (const side of [0, 1] as const) await turns.of(side)
  t.is(seen.join(''), 'abbaabba')
  seen.length = 0
  await new Turns(work('a', seen, 1), work('b', seen, 1), 40).of(1)
  t.regex(seen.join(''), /^(abba)+(ab)?$/)
})
