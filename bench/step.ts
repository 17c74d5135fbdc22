import type { BackendName } from './backends.ts'
import type { Runnable } from './harness/measure.ts'
import type { Contestant, Group, Options, Question, Work } from './harness/question.ts'
import { Turns } from './harness/turns.ts'
import { copies } from './native.ts'
import { conv, shapes, total, widths } from './sizes.ts'
import { gradients, renewed, saltflat, stockAdam, twin } from './works.ts'

const own = 'saltflat, nso(adam)'
const stock = 'its two gradients, tfjs as it comes'
const ours = 'its two gradients, on our kernels'
const apart = 'two gradients on our kernels, in a process of their own'
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
      ...cases.filter(({ options }) => options.widths !== undefined).map((one) => alike(one, pace)),
      ...cases.map((one) => alone({ ...one, goal: 1.02 }, 'cpu', pace)),
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
 * A step and its two gradients by turns in the same process. Goals are for gradients of tfjs as it comes, which is what there
 * would be without us: a step has kernels of its own where those of tfjs are slow. They are for gradients on our kernels on
 * cpu, where these change nothing for a dense net and so much for the conv net that nothing else would show, and for the
 * conv net on wasm, which stock wasm cannot differentiate. On wasm gradients are at new weights, as any step has them. Two
 * gradients on our kernels, where no store of ours is either, show what of a step is neither kernels nor gradients (but on cpu,
 * where they take a second and a store costs them nothing), and copies in place of our passes what of that is traffic to memory.
 */
function alone({ name, options, size, goal }: Case, backend: BackendName, pace: Pace): Group {
  const wasm = backend === 'wasm'
  const plain = backend === 'tensorflow' || (wasm && options.widths !== undefined)
  // One gradient, counted twice.
  const [work, scale] = wasm ? (['renewed', 5e5] as const) : (['gradients', 1e6] as const)
  const both = { ...options, plain, other: work, round: roundOf(pace) }
  const host: Contestant['host'] = plain ? `${backend} plain` : backend
  const reference = plain ? stock : ours
  const aside = backend === 'cpu' ? [] : [apart]
  return {
    what: `${name}, ${backend}`,
    ...pace,
    contestants: [
      contestant(own, host, 'own', both),
      { ...contestant(reference, host, 'other', both), scale },
      ...aside.map((name) => ({ ...contestant(name, `${backend} stock` as const, work, options), scale })),
      contestant(copied, 'native', 'copies', { size }),
    ],
    claims: [
      {
        ...{ contestant: own, against: reference, as: 'cost', headline: backend !== 'cpu' },
        ...(goal < Infinity ? { goal: { atMost: goal } } : {}),
      },
      ...aside.flatMap((against) =>
        [own, reference].map((contestant) => ({ contestant, against, as: 'cost' as const })),
      ),
      { contestant: copied, against: aside[0] ?? reference, as: 'cost' },
      { contestant: own, against: reference, as: 'beyond' },
    ],
  }
}

/**
 * The kernels of tfjs on both sides, though no step of ours has them: what ours adds to the gradients that there would be without
 * us. Only of dense nets, whose gradients stock wasm has.
 */
function alike({ name, options }: Case, pace: Pace): Group {
  const both = { ...options, plain: true, kernels: 'stock', other: 'renewed', round: roundOf(pace) }
  return {
    what: `${name}, wasm, on the kernels of tfjs`,
    ...pace,
    contestants: [
      contestant(own, 'wasm plain', 'own', both),
      { ...contestant(stock, 'wasm plain', 'other', both), scale: 5e5 },
    ],
    claims: [
      { contestant: own, against: stock, as: 'cost', headline: true },
      { contestant: own, against: stock, as: 'beyond' },
    ],
  }
}

/** Against what a user of tfjs has: its Adam, at half the gradients and by turns, and NSO written by hand, on our kernels. */
function competition(options: Options, pace: Pace): Group {
  const both = { ...options, plain: true, other: 'stockAdam', round: roundOf(pace) }
  return {
    what: `MLP ${mlp}, batch ${options.batch}, tensorflow`,
    ...pace,
    contestants: [
      contestant(own, 'tensorflow plain', 'own', both),
      contestant(adam, 'tensorflow plain', 'other', both),
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
