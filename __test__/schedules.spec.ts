import test from 'ava'
import {
  adam,
  constant,
  cosine,
  exponential,
  geometric,
  joined,
  linear,
  nso,
  type Schedule,
  type ScheduleObject,
  sam,
  sgd,
  stepDecay,
  valueAt,
  warmup,
} from '../src/index.ts'

const values = (schedule: Schedule, steps: readonly number[]) => steps.map((step) => valueAt(schedule, step))

/** Every factory: a schedule, some steps, and the values there; exact ones, for the numbers are chosen so. */
const table: [string, ScheduleObject, steps: number[], expected: number[]][] = [
  ['constant', constant(0.3), [0, 1, 1e9], [0.3, 0.3, 0.3]],
  ['linear up', linear({ initial: 0, final: 2, steps: 4 }), [0, 1, 2, 3, 4, 5, 1e9], [0, 0.5, 1, 1.5, 2, 2, 2]],
  ['linear down', linear({ initial: 2, final: 0, steps: 4 }), [0, 1, 3, 4, 5], [2, 1.5, 0.5, 0, 0]],
  ['warmup', warmup({ final: 1, steps: 2 }), [0, 1, 2, 3], [0, 0.5, 1, 1]],
  ['warmup from', warmup({ initial: 0.5, final: 1, steps: 2 }), [0, 1, 2], [0.5, 0.75, 1]],
  ['geometric', geometric({ initial: 1, final: 16, steps: 4 }), [0, 1, 2, 3, 4, 99], [1, 2, 4, 8, 16, 16]],
  ['cosine', cosine({ initial: 2, steps: 10 }), [0, 10, 11], [2, 0, 0]],
  ['cosine to', cosine({ initial: 2, final: 1, steps: 1 }), [0, 1, 2], [2, 1, 1]],
  ['stepDecay', stepDecay({ initial: 8, every: 3, factor: 0.5 }), [0, 2, 3, 5, 6, 30], [8, 8, 4, 4, 2, 2 ** -7]],
  ['stepDecay by 10', stepDecay({ initial: 1, every: 1 }), [0, 1], [1, 0.1]],
  ['exponential', exponential({ initial: 8, factor: 0.5 }), [0, 1, 2, 10], [8, 4, 2, 2 ** -7]],
  ['exponential every 2', exponential({ initial: 1, factor: 4, every: 2 }), [0, 1, 2], [1, 2, 4]],
  [
    'joined',
    joined([warmup({ final: 1, steps: 2 }), { schedule: 5, steps: 1 }, exponential({ initial: 8, factor: 0.5 })]),
    [0, 1, 2, 3, 4, 5],
    [0, 0.5, 5, 8, 4, 2],
  ],
  ['joined, a number last', joined([{ schedule: 0.1, steps: 2 }, 0.01]), [0, 1, 2, 99], [0.1, 0.1, 0.01, 0.01]],
  ['joined, one only', joined([cosine({ initial: 1, steps: 2 })]), [0, 2, 3], [1, 0, 0]],
  [
    'joined, cut short',
    joined([{ schedule: linear({ initial: 0, final: 8, steps: 8 }), steps: 2 }, constant(3)]),
    [1, 2],
    [1, 3],
  ],
  [
    'joined in joined',
    joined([joined([{ schedule: 1, steps: 2 }, warmup({ final: 4, steps: 2 })]), joined([7])]),
    [1, 2, 3, 4],
    [1, 0, 2, 7],
  ],
]

for (const [name, schedule, steps, expected] of table) {
  test(`${name}: its values, before and after JSON`, (t) => {
    t.deepEqual(values(schedule, steps), expected)
    const read = JSON.parse(JSON.stringify(schedule)) as ScheduleObject
    t.deepEqual(read, schedule)
    t.deepEqual(values(read, steps), expected)
    t.deepEqual(sgd({ learningRate: read }).learningRate, schedule)
  })

  test(`${name}: frozen, all the way down`, (t) => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
    t.true(frozen(schedule))
  })
}

test('the cosine is half a wave, falling', (t) => {
  const [first, quarter, half] = values(cosine({ initial: 1, steps: 4 }), [0, 1, 2])
  t.is(first, 1)
  t.true(Math.abs(quarter! - (1 + Math.SQRT1_2) / 2) < 1e-15)
  t.true(Math.abs(half! - 0.5) < 1e-15)
})

test('a schedule made of parts is a copy: what the caller keeps may change', (t) => {
  const part = { schedule: 1, steps: 2 }
  const parts = [part, 3]
  const schedule = joined(parts)
  part.steps = 9
  parts[1] = 4
  t.deepEqual(schedule, { kind: 'joined', parts: [{ schedule: 1, steps: 2 }], last: 3 })
})

test('undefined means the default', (t) => {
  t.deepEqual(cosine({ initial: 1, steps: 2, final: undefined } as never), cosine({ initial: 1, steps: 2 }))
  t.deepEqual(warmup({ final: 1, steps: 2, initial: undefined } as never), warmup({ final: 1, steps: 2 }))
})

test('geometric holds also between ends whose ratio f64 does not hold', (t) => {
  for (const [initial, final] of [
    [1e-200, 1e200],
    [1e200, 1e-200],
    [Number.MIN_VALUE, Number.MAX_VALUE],
    [Number.MAX_VALUE, 1e-300],
    [1e-310, 1e10],
  ] as const) {
    const values = Array.from({ length: 9 }, (_, step) => valueAt(geometric({ initial, final, steps: 8 }), step))
    t.is(values[0], initial)
    t.is(values[8], final)
    for (const [step, value] of values.entries()) {
      const log = Math.log(initial) + (Math.log(final) - Math.log(initial)) * (step / 8)
      t.true(Math.abs(Math.log(value) - log) < 1e-9, `${value} at ${step} of ${initial} to ${final}`)
    }
  }
})

test('every option that is a schedule takes objects', (t) => {
  for (const make of [
    (learningRate: never) => adam({ learningRate }),
    (sigma: never) => nso(sgd(), { sigma }),
    (rho: never) => sam(sgd(), { rho }),
  ]) {
    for (const [, schedule] of table) t.notThrows(() => make(schedule as never).dispose())
  }
})

test('valueAt takes every schedule', (t) => {
  t.is(valueAt(0.5, 3), 0.5)
  t.is(
    valueAt((step) => step * 2, 3),
    6,
  )
})
