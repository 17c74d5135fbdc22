// What tsc must infer of schedules, and what it must refuse.
import {
  constant,
  cosine,
  exponential,
  geometric,
  joined,
  linear,
  type ScheduleDecay,
  type ScheduleObject,
  type SchedulePart,
  type ScheduleSpan,
  stepDecay,
  valueAt,
  warmup,
} from 'saltflat'
import { exactly } from './exact.ts'

exactly<ScheduleObject>()(constant(0.1))
exactly<ScheduleObject>()(linear({ initial: 1, final: 0, steps: 10 }))
exactly<ScheduleObject>()(warmup({ final: 0.1, steps: 10 }))
exactly<ScheduleObject>()(geometric({ initial: 1, final: 0.01, steps: 10 }))
exactly<ScheduleObject>()(cosine({ initial: 1, steps: 10 }))
exactly<ScheduleObject>()(stepDecay({ initial: 1, every: 10 }))
exactly<ScheduleObject>()(exponential({ initial: 1, factor: 0.9 }))
exactly<ScheduleObject>()(joined([{ schedule: warmup({ final: 0.1, steps: 10 }), steps: 10 }, 0.1]))
exactly<number>()(valueAt(cosine({ initial: 1, steps: 10 }), 3))
exactly<number>()(valueAt((step) => 1 / step, 3))

const span: ScheduleSpan = { initial: 1, final: 0, steps: 10 }
const decay: ScheduleDecay = { initial: 1, factor: 0.5, every: 10 }
const part: SchedulePart = { schedule: 0.1, steps: 3 }
joined([part, linear(span), stepDecay(decay)])

// A saved schedule tells its kinds apart.
const saved: ScheduleObject = constant(1)
if (saved.kind === 'joined') exactly<readonly SchedulePart[]>()(saved.parts)
else if (saved.kind === 'step-decay' || saved.kind === 'exponential') exactly<number>()(saved.factor)
else if (saved.kind === 'constant') exactly<number>()(saved.value)
else exactly<number>()(saved.final)

// @ts-expect-error a span has its end
linear({ initial: 1, steps: 10 })
// @ts-expect-error and its length
cosine({ initial: 1 })
// @ts-expect-error a warm-up ends somewhere
warmup({ steps: 10 })
// @ts-expect-error a misspelt option
stepDecay({ initial: 1, evry: 10 })
// @ts-expect-error a constant is a number
constant('0.1')
// @ts-expect-error a function cannot be saved, so it cannot be a part
joined([(step: number) => step])
// @ts-expect-error no such kind
valueAt({ kind: 'polynomial', initial: 1 }, 1)
// @ts-expect-error at which step?
valueAt(0.1)
