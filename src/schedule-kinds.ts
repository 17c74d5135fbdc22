import { invalid, knownKeys, number, whole } from './checks.ts'
import type { Schedule, ScheduleDecay, ScheduleObject, SchedulePart, ScheduleSpan } from './types.ts'

/** A schedule of one kind. */
type Of<Kind extends ScheduleObject['kind']> = Extract<ScheduleObject, { kind: Kind }>

/** What is known of a kind: one line in `kinds`. */
interface Kind<S extends ScheduleObject> {
  /** A frozen copy of the fields, checked; `name` is what messages call the schedule. */
  read(name: string, fields: Fields): Omit<S, 'kind'>
  /** The value at a step. */
  at(schedule: S, step: number): number
  /** Steps until the value stays; null where it has no end of its own. */
  length(schedule: S): number | null
}

type Fields = Readonly<Record<string, unknown>>

/** THE table of schedules. */
const kinds: { readonly [K in ScheduleObject['kind']]: Kind<Of<K>> } = {
  constant: {
    read(name, fields) {
      knownKeys(name, fields, ['kind', 'value'])
      return { value: number(`value of ${name}`, fields.value, { min: 0 }) }
    },
    at: ({ value }) => value,
    length: () => null,
  },
  linear: {
    read: (name, fields) => span(name, fields, false),
    at: ({ initial, final, steps }, step) => (step >= steps ? final : initial + (final - initial) * (step / steps)),
    length: ({ steps }) => steps,
  },
  geometric: {
    read: (name, fields) => span(name, fields, true),
    at: ({ initial, final, steps }, step) => (step >= steps ? final : between(initial, final, step / steps)),
    length: ({ steps }) => steps,
  },
  cosine: {
    read: (name, fields) => span(name, fields, false),
    at: ({ initial, final, steps }, step) =>
      step >= steps ? final : final + (initial - final) * 0.5 * (1 + Math.cos((Math.PI * step) / steps)),
    length: ({ steps }) => steps,
  },
  'step-decay': {
    read: decay,
    // 0 stays 0, also where the power has become infinite.
    at: ({ initial, factor, every }, step) => (initial === 0 ? 0 : initial * factor ** Math.floor(step / every)),
    length: () => null,
  },
  exponential: {
    read: decay,
    at: ({ initial, factor, every }, step) => (initial === 0 ? 0 : initial * factor ** (step / every)),
    length: () => null,
  },
  joined: {
    read(name, fields) {
      knownKeys(name, fields, ['kind', 'parts', 'last'])
      const { parts, last } = fields
      if (!Array.isArray(parts)) throw invalid(`an array for parts of ${name}`, parts)
      return {
        parts: Object.freeze(parts.map((one, i) => part(`part ${i} of ${name}`, one))),
        last: inner(`the last part of ${name}`, last),
      }
    },
    at({ parts, last }, step) {
      let rest = step
      for (const { schedule, steps } of parts) {
        if (rest < steps) return evaluate(schedule, rest)
        rest -= steps
      }
      return evaluate(last, rest)
    },
    length({ parts, last }) {
      const end = lengthOf(last)
      return end === null ? null : parts.reduce((sum, { steps }) => sum + steps, end)
    },
  },
}

/** initial·(final/initial)^part, also where f64 holds the two ends and not their ratio. */
function between(initial: number, final: number, part: number): number {
  const ratio = final / initial
  const held = ratio >= 2 ** -1022 && ratio < Infinity
  return held ? initial * ratio ** part : initial ** (1 - part) * final ** part
}

function span(name: string, fields: Fields, open: boolean): ScheduleSpan {
  knownKeys(name, fields, ['kind', 'initial', 'final', 'steps'])
  return {
    initial: number(`initial of ${name}`, fields.initial, { min: 0, open }),
    final: number(`final of ${name}`, fields.final, { min: 0, open }),
    steps: length(name, fields.steps, 'steps'),
  }
}

function decay(name: string, fields: Fields): ScheduleDecay {
  knownKeys(name, fields, ['kind', 'initial', 'factor', 'every'])
  return {
    initial: number(`initial of ${name}`, fields.initial, { min: 0 }),
    factor: number(`factor of ${name}`, fields.factor, { min: 0, open: true }),
    every: length(name, fields.every, 'every'),
  }
}

function part(name: string, value: unknown): SchedulePart {
  knownKeys(name, value as object, ['schedule', 'steps'])
  const { schedule, steps } = value as Fields
  return Object.freeze({ schedule: inner(`schedule of ${name}`, schedule), steps: length(name, steps, 'steps') })
}

function inner(name: string, value: unknown): number | ScheduleObject {
  return typeof value === 'number' ? number(name, value, { min: 0 }) : scheduleObject(name, value)
}

function length(name: string, value: unknown, key: string): number {
  return whole(`${key} of ${name}`, value, 1, Number.MAX_SAFE_INTEGER)
}

/** A frozen copy of a schedule object, made by us or read from JSON, with every field checked; `name` is for messages. */
export function scheduleObject(name: string, value: unknown): ScheduleObject {
  const kind = (value as Partial<ScheduleObject> | null | undefined)?.kind
  if (typeof value !== 'object' || typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
    throw invalid(
      `a number or a schedule such as cosine({ initial: 0.1, steps: 1000 }) for ${name}`,
      typeof kind === 'string' ? kind : value,
      typeof value === 'function' ? 'A function may be a schedule, but no part of one: JSON keeps no functions.' : '',
    )
  }
  return Object.freeze({ kind, ...kinds[kind].read(name, value as unknown as Fields) }) as ScheduleObject
}

/** The value at a step, unchecked. */
export function evaluate(schedule: Schedule, step: number): number {
  if (typeof schedule === 'number') return schedule
  return typeof schedule === 'function' ? schedule(step) : kindOf(schedule).at(schedule, step)
}

/** Steps until the value stays; null for a schedule without an end of its own. */
export function lengthOf(schedule: number | ScheduleObject): number | null {
  return typeof schedule === 'number' ? null : kindOf(schedule).length(schedule)
}

/** TypeScript cannot see that a schedule's own kind fits it. */
function kindOf(schedule: ScheduleObject): Kind<ScheduleObject> {
  return kinds[schedule.kind] as Kind<ScheduleObject>
}
