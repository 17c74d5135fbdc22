import test from 'ava'
import { Meter } from '../../bench/harness/measure.ts'
import type { Group } from '../../bench/harness/question.ts'
import { interleave, rotated } from '../../bench/harness/rounds.ts'
import { rowsOf } from '../../bench/harness/rows.ts'
import { median, paired, quantile, summary } from '../../bench/harness/statistics.ts'
import { Stopwatch } from '../../bench/harness/stopwatch.ts'
import { digits, table, verdict } from '../../bench/harness/table.ts'
import { shapes, short, total, widths } from '../../bench/sizes.ts'

test('quantiles lie between neighbours, and one outlier moves nothing', (t) => {
  t.is(median([3, 1, 2]), 2)
  t.is(median([4, 1, 2, 3]), 2.5)
  t.is(quantile([10, 20, 30], 0.25), 15)
  t.deepEqual(summary([5, 1, 1000, 3, 4]), { value: 4, low: 3, high: 5 })
  t.is(median([7]), 7)
  t.true(Number.isNaN(median([])))
})

test('a ratio is taken round by round: a machine that slows down for a while does not move it', (t) => {
  const [ours, theirs] = [
    [1, 10, 1, 1],
    [3, 30, 3, 3],
  ]
  t.deepEqual(
    paired(ours!, theirs!, (a, b) => b / a),
    { value: 3, low: 3, high: 3 },
  )
  t.throws(() => paired([1], [1, 2], (a) => a))
})

test('contestants take turns, each round from another one on, after a longer round that does not count', async (t) => {
  const seen: string[] = []
  const values = await interleave(['a', 'b', 'c'], 3, async (name, effort) => {
    seen.push(effort === 1 ? name : name.toUpperCase())
    return seen.length
  })
  t.is(seen.join(''), 'ABCabcbcacab')
  t.deepEqual(
    [...values],
    [
      ['a', [4, 9, 11]],
      ['b', [5, 7, 12]],
      ['c', [6, 8, 10]],
    ],
  )
  t.deepEqual(rotated([], 3), [])
})

test('where memory has to be had again, each warms up at every turn', async (t) => {
  let seen = ''
  const measure = async (name: string) => {
    seen += name
    return seen.length
  }
  const values = await interleave(['a', 'b'], 2, measure, { wake: true, shift: 1 })
  t.is(seen, 'bbaaaabb')
  t.deepEqual(
    [...values],
    [
      ['a', [4, 6]],
      ['b', [2, 8]],
    ],
  )
})

/** Rounds of these medians, the least sample of each a tenth below. */
const rounds = (...values: number[]) => values.map((value) => ({ value, least: 0.9 * value }))

const group: Group = {
  what: 'sum',
  ...{ rounds: 3, budget: 1 },
  contestants: [
    { name: 'ours', host: 'native', work: '', options: {}, unit: 'ns/element', scale: 10, goal: { atMost: 1 } },
    { name: 'theirs', host: 'torch', work: '', options: {}, unit: 'ns/element', scale: 10 },
    { name: 'absent', host: 'torch', work: '', options: {}, unit: 'ns/element', scale: 10 },
  ],
  claims: [
    { contestant: 'ours', against: 'theirs', as: 'faster', goal: { atLeast: 5 }, headline: true },
    { contestant: 'ours', against: 'theirs', as: 'cost' },
    { contestant: 'ours', against: 'theirs', as: 'beyond', goal: { atMost: 0 } },
    { contestant: 'ours', against: 'absent', as: 'faster' },
  ],
}
const rows = rowsOf(
  'sums',
  group,
  new Map([
    ['ours', rounds(20, 10, 30)],
    ['theirs', rounds(80, 40, 120)],
  ]),
)

test('rows: a figure for each that took part, a claim for each pair that did', (t) => {
  const by = 'median'
  const common = { question: 'sums', what: 'sum', rounds: 3, unit: 'ns/element' }
  const none = { ratio: null, ratioSpread: null, headline: false }
  const [ours, theirs] = [
    { value: 2, least: 0.9, spread: [1.5, 2.5] as const },
    { value: 8, least: 3.6, spread: [6, 10] as const },
  ]
  const plain = { ...common, ...none, by, against: null, meaning: null }
  const claim = { ...common, by, contestant: 'ours', against: 'theirs' }
  const unjudged = { goal: null, met: null }
  t.deepEqual(rows, [
    { ...plain, contestant: 'ours', ...ours, goal: '≤ 1', met: false },
    { ...plain, contestant: 'theirs', ...theirs, ...unjudged },
    {
      ...{ ...claim, ...ours, ratio: 4, ratioSpread: [4, 4], meaning: 'faster' },
      ...{ goal: '≥ 5', met: false, headline: true },
    },
    { ...claim, ...ours, ratio: 0.25, ratioSpread: [0.25, 0.25], meaning: 'cost', ...unjudged, headline: false },
    { ...claim, ...none, value: -6, least: null, spread: [-7.5, -4.5], meaning: 'beyond', goal: '≤ 0', met: true },
  ])
})

test('a goal may be for the least sample: then that is judged, and the table says so', (t) => {
  const [one] = group.contestants
  const only = { ...group, contestants: [{ ...one!, by: 'least' as const }], claims: [] }
  const [row] = rowsOf('sums', only, new Map([['ours', rounds(20, 10, 30)]]))
  t.like(row, { value: 2, least: 0.9, goal: '≤ 1', by: 'least', met: true })
  t.regex(
    table([row!]),
    /median +quartiles +least .*\n.* 2\.00 ns\/element +1\.50 to 2\.50 +0\.900 +≤ 1 by the least {2}met$/,
  )
})

test('a ratio may be that of the least of both', (t) => {
  const claims = [{ contestant: 'ours', against: 'theirs', as: 'faster', by: 'least', goal: { atLeast: 5 } } as const]
  const measured = new Map([
    ['ours', [...rounds(20, 10, 30), { value: 25, least: 5 }]],
    ['theirs', [...rounds(80, 60, 90), { value: 100, least: 40 }]],
  ])
  t.like(rowsOf('sums', { ...group, claims }, measured).at(-1), {
    ratio: 8,
    ratioSpread: [3.75, 4.5],
    by: 'least',
    met: true,
  })
})

test('rows of results from before the least was recorded are shown as they are', (t) => {
  const { least, by, ...before } = rows[0]!
  t.regex(table([before]), / 2\.00 ns\/element +1\.50 to 2\.50 +≤ 1 {2}NOT MET$/)
})

test('the table is aligned and says which goals are met', (t) => {
  const [head, ...lines] = table(rows).split('\n')
  t.is(lines.length, rows.length)
  t.true(head!.startsWith('     contestant'))
  t.regex(lines[0]!, /^sum {2}ours .* 2\.00 ns\/element .* ≤ 1 {2}NOT MET$/)
  t.regex(lines[2]!, /^ {7}ours against theirs .* 4\.00× /)
  t.regex(lines[4]!, /ours beyond theirs .* -6\.00 ns\/element .* met$/)
  t.is(verdict(rows), '1 of 3 goals met')
  t.deepEqual([0, 0.001234, 1.5, 12.345, 123.4, 12345, -2.5].map(digits), [
    ...['0', '0.00123', '1.50', '12.3', '123', '12345', '-2.50'],
  ])
})

test('a round is a median in nanoseconds, of many calls where one is short', async (t) => {
  let calls = 0
  const { value, least } = await new Meter().round({ run: () => void calls++ }, 50)
  t.true(calls > 100, `${calls} calls`)
  t.true(least > 0 && least <= value && value < 1e5, `${least}, ${value} ns`)
  const nap = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  const { value: slow } = await new Meter().round({ run: () => void nap(5) }, 1)
  t.true(slow >= 4.9e6 && slow < 1e9, `${slow} ns`)
  const seen: string[] = []
  const work = {
    before() {
      seen.push('before')
      nap(5)
    },
    run: () => void seen.push('run'),
  }
  const { value: short } = await new Meter().round(work, 20)
  t.true(short < 4.9e6, `${short} ns`)
  t.deepEqual(
    seen,
    seen.map((_, i) => (i % 2 === 0 ? 'before' : 'run')),
  )
})

test('the stopwatch charges each part with its own time, and the rest to the call', (t) => {
  const wait = (ms: number) => {
    const end = performance.now() + ms
    while (performance.now() < end);
  }
  const target = {
    inner: () => wait(4),
    outer() {
      wait(2)
      this.inner()
    },
    closed() {
      this.inner()
    },
  }
  const watch = new Stopwatch()
  watch.watch(target, 'inner', 'inner')
  watch.watch(target, 'outer', 'outer')
  watch.watch(target, 'closed', 'closed', { opaque: true })
  target.outer()
  t.deepEqual(watch.of('outer'), [])
  for (let i = 0; i < 2; i++) {
    watch.call('rest', () => {
      wait(1)
      target.outer()
      target.closed()
    })
  }
  const about = (part: string, ms: number) => {
    const values = watch.of(part)
    t.is(values.length, 2)
    // Upper bounds are loose: the machine has others to serve.
    t.true(Math.min(...values) >= ms * 1e6 && Math.min(...values) < (ms + 50) * 1e6, `${part}: ${values}`)
  }
  about('inner', 4)
  about('outer', 2)
  about('closed', 4)
  about('rest', 1)
  watch.call('rest', () => {})
  t.is(watch.of('rest').length, 1)
})

test('sizes are those of the nets', (t) => {
  t.deepEqual(shapes([3, 2, 1]), [6, 2, 2, 1])
  t.is(total(shapes(widths.mlp)), 669_706)
  t.deepEqual([999, 3300, 669_706, 1e7, 10_902_656].map(short), ['999', '3.3k', '670k', '10M', '11M'])
})
