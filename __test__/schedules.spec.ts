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
  SaltflatError,
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

const notANumber = [Number.NaN, Number.POSITIVE_INFINITY, '1', null, {}, [1], true]
const size = [-1e-9, ...notANumber]
const count = [0, -1, 1.5, 2 ** 53, ...notANumber, undefined]

/** Every factory with options that are good, and bad values of each. */
const bad: [string, (options: never) => unknown, good: object, Record<string, readonly unknown[]>][] = [
  ['linear', linear, { initial: 1, final: 2, steps: 3 }, { initial: [...size, undefined], final: size, steps: count }],
  ['warmup', warmup, { final: 2, steps: 3 }, { initial: size, final: [...size, undefined], steps: count }],
  ['geometric', geometric, { initial: 1, final: 2, steps: 3 }, { initial: [0, ...size], final: [0, ...size] }],
  ['cosine', cosine, { initial: 1, steps: 3 }, { initial: [...size, undefined], final: size, steps: count }],
  ['stepDecay', stepDecay, { initial: 1, every: 3 }, { initial: size, factor: [0, -1, ...notANumber], every: count }],
  ['exponential', exponential, { initial: 1, factor: 0.5 }, { initial: size, factor: [0, undefined], every: [0, 1.5] }],
]

function refused(t: import('ava').ExecutionContext, make: () => unknown, message: RegExp): void {
  const error = t.throws(make, { instanceOf: SaltflatError }, String(message))
  t.is(error?.code, 'ERR_INVALID_ARGUMENT')
  t.regex(error?.message ?? '', /^Expected .+, received .+\./)
  t.regex(error?.message ?? '', message)
}

for (const [name, factory, good, options] of bad) {
  test(`${name} refuses what is out of range, missing or unknown, also in JSON`, (t) => {
    const made = factory(good as never) as ScheduleObject
    for (const [option, wrongs] of Object.entries(options)) {
      for (const wrong of wrongs) {
        refused(t, () => factory({ ...good, [option]: wrong } as never), new RegExp(`for ${option} of ${name},`))
        const written = { ...made, [option]: wrong } as ScheduleObject
        refused(t, () => sgd({ learningRate: written }), new RegExp(`for ${option} of learningRate,`))
      }
    }
    refused(t, () => factory({ ...good, final_: 1 } as never), /received 'final_'/)
    for (const wrong of [undefined, null, 1, 'fast']) refused(t, () => factory(wrong as never), /an object/)
  })
}

test('constant and joined refuse what does not fit', (t) => {
  for (const wrong of [...size, undefined]) refused(t, () => constant(wrong as never), /for value of constant,/)
  for (const wrong of [[], undefined, null, 1, 'both', {}]) refused(t, () => joined(wrong as never), /for joined,/)
  refused(t, () => joined([constant(1), 2]), /steps for part 0 of joined.+write \{ schedule, steps \}/)
  refused(t, () => joined([1, 2]), /steps for part 0 of joined/)
  refused(t, () => joined([1, { schedule: 2, steps: 3 }]), /last part of joined.+leave out its steps/)
  refused(t, () => joined([{ schedule: () => 1, steps: 3 } as never, 1]), /JSON keeps no functions/)
  refused(t, () => joined([{ schedule: 1, steps: 0 }, 1]), /for steps of part 0 of joined/)
  refused(t, () => joined([{ schedule: 1, steps: 1, stepps: 2 } as never, 1]), /received 'stepps'/)
  refused(t, () => joined([{ schedule: -1, steps: 1 }, 1]), /for schedule of part 0 of joined/)
  refused(t, () => joined([-1]), /the last part of joined/)
  refused(t, () => sgd({ learningRate: { kind: 'joined', parts: 3, last: 1 } as never }), /for parts of learningRate/)
})

test('every option that is a schedule takes objects, and refuses others', (t) => {
  const factories: [string, (schedule: never) => { dispose(): void }][] = [
    ['learningRate', (learningRate) => adam({ learningRate })],
    ['sigma', (sigma) => nso(sgd(), { sigma })],
    ['rho', (rho) => sam(sgd(), { rho })],
  ]
  for (const [name, make] of factories) {
    for (const [, schedule] of table) t.notThrows(() => make(schedule as never).dispose())
    for (const wrong of [{}, [0.1], { kind: 'cosinus' }, { kind: 'constructor' }, { kind: 1 }, new Date()]) {
      refused(t, () => make(wrong as never), new RegExp(`a schedule such as .+ for ${name}, received`))
    }
  }
  refused(t, () => sgd({ learningRate: { kind: 'cosinus' } as never }), /received the string "cosinus"/)
})

test('valueAt takes every schedule, whole steps, and refuses values that are none', (t) => {
  t.is(valueAt(0.5, 3), 0.5)
  t.is(
    valueAt((step) => step * 2, 3),
    6,
  )
  for (const step of [-1, 0.5, Number.NaN, '1', undefined]) refused(t, () => valueAt(1, step as never), /for step,/)
  for (const wrong of [-1, Number.NaN, '1', null, {}]) refused(t, () => valueAt(wrong as never, 0), /for schedule,/)
  refused(t, () => valueAt(() => Number.NaN, 2), /schedule at step 2/)
  refused(t, () => valueAt(exponential({ initial: 1, factor: 10 }), 400), /schedule at step 400, received Infinity/)
})
