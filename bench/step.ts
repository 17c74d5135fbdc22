import type { BackendName } from './backends.ts'
import type { Runnable } from './harness/measure.ts'
import type { Contestant, Group, Options, Question, Work } from './harness/question.ts'
import { Turns } from './harness/turns.ts'
import { copies } from './native.ts'
import { conv, shapes, total, widths } from './sizes.ts'
import { gradients, renewed, saltflat, stockAdam, twin } from './works.ts'

const own = 'saltflat, nso(adam)'
const bare = 'its two gradients'
const fresh = 'two gradients at new weights'
const apart = 'the same in a process without saltflat'
const shipped = 'two gradients as tfjs comes'
const copied = 'nine copies of a vector'
/** A read and a write each: our passes over W, W', P, g and Adam's moments have eighteen of them. */
const passes = 9
const adam = 'tf.train.adam, one step'
const pure = 'pure tfjs, nso(adam)'

interface Case {
  readonly name: string
  readonly options: Options
  /** Parameters. */
  readonly size: number
  /** Step / two gradients, at most. */
  readonly goal: number
}

const mlp = widths.mlp.join('-')
const size = total(shapes(widths.mlp))
const cases: readonly Case[] = [
  { name: `MLP ${mlp}, batch 128`, options: { widths: widths.mlp, batch: 128 }, size, goal: 1.15 },
  { name: `MLP ${mlp}, batch 32`, options: { widths: widths.mlp, batch: 32 }, size, goal: 1.4 },
  { name: 'conv net of 106k, batch 64', options: { batch: 64 }, size: total(conv), goal: 1.05 },
]

type Pace = Pick<Group, 'rounds' | 'budget'>

/** A whole step: how much more than its two gradients does it cost? */
export const step: Question = {
  about: 'a whole step of nso(adam), k = 1, against the two gradients in it',
  groups({ quick }) {
    if (quick) {
      const tiny = {
        name: 'tiny net',
        options: { widths: widths.tiny, batch: 8 },
        size: total(shapes(widths.tiny)),
        goal: Infinity,
      }
      return [alone(tiny, 'cpu', { rounds: 2, budget: 1 })]
    }
    const pace = { rounds: 31, budget: 150 }
    return [
      ...cases.map((one) => alone(one, 'tensorflow', pace)),
      competition({ widths: widths.mlp, batch: 64 }, pace),
      ...cases.map((one) => alone({ ...one, goal: 1.02 }, 'wasm', pace)),
      // A step takes seconds: a call a round, or two.
      ...cases.map((one) => alone({ ...one, goal: 1.02 }, 'cpu', { ...pace, rounds: 15 })),
    ]
  },
  works: {
    ...{ gradients, renewed, twin },
    own: (options) => turning(options, 0),
    other: (options) => turning(options, 1),
    copies: (options) => copies(options.size as number, passes, { threads: 2 }),
  },
}

/** What a step takes turns with. */
const others = { gradients, renewed, stockAdam }
const turns = new Map<string, Turns>()

/** A step, or what it takes turns with: the work that the options name. */
function turning(options: Options, side: 0 | 1): Work {
  const key = JSON.stringify(options)
  const other = others[options.other as keyof typeof others]
  const both =
    turns.get(key) ?? new Turns(saltflat(options) as Runnable, other(options) as Runnable, options.round as number)
  turns.set(key, both)
  return { value: () => both.of(side) }
}

/** Milliseconds of a round of turns, for a round of this pace. */
const roundOf = ({ budget }: Pace) => 4 * budget

/**
 * A step and its two gradients by turns in the same process. The same gradients in a process where no store of ours is show
 * that nothing of ours slows them down. On wasm they are at new weights, as any step has them; the goal of dense nets there is
 * for those of tfjs as it comes, which multiplies transposed matrices in a scalar loop: with our kernels they take a fifth,
 * and the passes alone are more than 2 % of them. For scale, copies in place of our passes.
 */
function alone({ name, options, size, goal }: Case, backend: BackendName, pace: Pace): Group {
  const wasm = backend === 'wasm'
  const replaced = wasm && options.widths !== undefined
  const limit = goal < Infinity ? { goal: { atMost: goal } } : {}
  const reference = wasm
    ? { ...contestant(fresh, backend, 'renewed', options), scale: 5e5 } // One gradient, counted twice.
    : contestant(bare, backend, 'gradients', options)
  const both = { ...options, other: reference.work, round: roundOf(pace) }
  return {
    what: `${name}, ${backend}`,
    ...pace,
    contestants: [
      contestant(own, backend, 'own', both),
      { ...reference, work: 'other', options: both },
      { ...reference, name: apart, host: `${backend} stock` },
      ...(replaced ? [contestant(shipped, `${backend} plain`, 'gradients', { ...options, plain: true })] : []),
      contestant(copied, 'native', 'copies', { size }),
    ],
    claims: [
      { contestant: own, against: reference.name, as: 'cost', ...(replaced ? {} : limit), headline: backend !== 'cpu' },
      { contestant: own, against: shipped, as: 'cost', ...limit, headline: true },
      { contestant: own, against: apart, as: 'cost' },
      { contestant: copied, against: reference.name, as: 'cost' },
      { contestant: own, against: reference.name, as: 'beyond' },
    ],
  }
}

/** Against what a user of tfjs has: its Adam, at half the gradients and by turns, and NSO written by hand. */
function competition(options: Options, pace: Pace): Group {
  const both = { ...options, other: 'stockAdam', round: roundOf(pace) }
  return {
    what: `MLP ${mlp}, batch ${options.batch}, tensorflow`,
    ...pace,
    contestants: [
      contestant(own, 'tensorflow', 'own', both),
      contestant(adam, 'tensorflow', 'other', both),
      contestant(pure, 'tensorflow stock', 'twin', options),
    ],
    claims: [
      { contestant: own, against: adam, as: 'cost', goal: { atMost: 1.05 }, headline: true },
      { contestant: own, against: pure, as: 'faster', goal: { atLeast: 2.5 }, headline: true },
    ],
  }
}

function contestant(name: string, host: Contestant['host'], work: string, options: Options): Contestant {
  return { name, host, work, options, unit: 'ms', scale: 1e6 }
}
