import { readFileSync } from 'node:fs'
import test from 'ava'
import {
  constant,
  cosine,
  exponential,
  geometric,
  joined,
  linear,
  type ScheduleObject,
  stepDecay,
  valueAt,
  warmup,
} from '../src/index.ts'

// Schedules against optax and torch, in float64: __test__/oracle/schedules.py wrote the constants.

const factories = { constant, cosine, exponential, geometric, joined, linear, stepDecay, warmup }

/** A schedule as its factory and what this is given. */
interface Made {
  readonly make: keyof typeof factories
  readonly options: unknown
  /** For a part of `joined`: how long it counts, where that is said. */
  readonly steps?: number
}

/** A line of schedules.json. */
interface Row extends Made {
  readonly oracle: string
  readonly values: readonly number[]
}

const file = new URL('oracle/schedules.json', import.meta.url)
const { steps, schedules } = JSON.parse(readFileSync(file, 'utf8')) as { steps: number[]; schedules: Row[] }

function schedule({ make, options }: Made): ScheduleObject {
  const parts = () =>
    (options as Made[]).map((part) =>
      part.steps === undefined ? schedule(part) : { schedule: schedule(part), steps: part.steps },
    )
  return factories[make]((make === 'joined' ? parts() : options) as never)
}

for (const row of schedules) {
  test(`${row.make} is ${row.oracle}`, (t) => {
    const made = schedule(row)
    for (const [i, step] of steps.entries()) {
      const found = valueAt(made, step)
      t.true(Math.abs(found - row.values[i]!) <= 1e-14, `${found} for ${row.values[i]} at step ${step}`)
    }
  })
}
