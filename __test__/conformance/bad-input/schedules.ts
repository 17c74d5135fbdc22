import {
  adam,
  constant,
  cosine,
  exponential,
  geometric,
  joined,
  linear,
  nso,
  sam,
  sgd,
  stepDecay,
  valueAt,
  warmup,
} from '../../../src/index.ts'
import type { ScheduleObject } from '../../../src/types.ts'
import { type Case, each, notANumber, simple, type Theme, written } from './case.ts'

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

/** A refusal whose message names the option. */
function refused(of: string, what: string, message: RegExp, call: () => unknown): Case {
  return { ...simple(of, what, 'ERR_INVALID_ARGUMENT', call), message }
}

const joins: [string, RegExp, () => unknown][] = [
  ['no end of a part', /steps for part 0 of joined.+write \{ schedule, steps \}/, () => joined([constant(1), 2])],
  ['a number without steps', /steps for part 0 of joined/, () => joined([1, 2])],
  ['steps of the last part', /last part of joined.+leave out its steps/, () => joined([1, { schedule: 2, steps: 3 }])],
  ['a function', /JSON keeps no functions/, () => joined([{ schedule: () => 1, steps: 3 } as never, 1])],
  ['no steps', /for steps of part 0 of joined/, () => joined([{ schedule: 1, steps: 0 }, 1])],
  [
    'an unknown option',
    /received unknown option 'stepps'\. Did you mean 'steps'\?$/,
    () => joined([{ schedule: 1, steps: 1, stepps: 2 } as never, 1]),
  ],
  ['a negative part', /for schedule of part 0 of joined/, () => joined([{ schedule: -1, steps: 1 }, 1])],
  ['a negative last part', /the last part of joined/, () => joined([-1])],
  [
    'parts that are no array',
    /for parts of learningRate/,
    () => sgd({ learningRate: { kind: 'joined', parts: 3, last: 1 } as never }),
  ],
]

const takers: [string, string, (schedule: never) => unknown][] = [
  ['adam', 'learningRate', (learningRate) => adam({ learningRate })],
  ['nso', 'sigma', (sigma) => nso(sgd(), { sigma })],
  ['sam', 'rho', (rho) => sam(sgd(), { rho })],
]

/** Schedules, made and as JSON gives them. */
export const schedules: Theme = {
  name: 'schedules',
  on: 'once',
  cases: [
    ...bad.flatMap(([of, factory, good, options]): Case[] => [
      ...Object.entries(options).flatMap(([option, values]) =>
        values.flatMap((value) => [
          refused(
            of,
            `${option}: ${written(value)}`,
            new RegExp(`^Expected .+ for ${option} of ${of}, received `),
            () => factory({ ...good, [option]: value } as never),
          ),
          refused(
            of,
            `${option}: ${written(value)}, from JSON`,
            new RegExp(`^Expected .+ for ${option} of learningRate, received `),
            () =>
              sgd({
                learningRate: { ...(factory(good as never) as ScheduleObject), [option]: value } as ScheduleObject,
              }),
          ),
        ]),
      ),
      refused(of, 'an unknown option', /received unknown option 'final_'/, () =>
        factory({ ...good, final_: 1 } as never),
      ),
      ...each(of, 'options', [undefined, null, 1, 'fast'], (value) => factory(value)),
    ]),
    ...each('constant', 'value', [...size, undefined], (value) => constant(value)),
    ...each('joined', 'parts', [[], undefined, null, 1, 'both', {}], (value) => joined(value)),
    ...joins.map(([what, message, call]) => refused('joined', what, message, call)),
    ...takers.flatMap(([of, option, make]) =>
      [{}, [0.1], { kind: 'cosinus' }, { kind: 'constructor' }, { kind: 1 }, new Date(0)].map((value) =>
        refused(of, `${option}: ${written(value)}`, new RegExp(`a schedule such as .+ for ${option}, received`), () =>
          make(value as never),
        ),
      ),
    ),
    ...each('valueAt', 'step', [-1, 0.5, 2 ** 53, ...notANumber, undefined], (value) => valueAt(1, value)),
    ...each('valueAt', 'schedule', [-1, undefined, ...notANumber], (value) => valueAt(value, 0)),
    ...each('valueAt', 'a function that gives', [Number.NaN, -1, '1', undefined], (value) => valueAt(() => value, 2)),
    refused('valueAt', 'a schedule that has grown beyond f64', /schedule at step 400, received Infinity/, () =>
      valueAt(exponential({ initial: 1, factor: 10 }), 400),
    ),
  ],
}
