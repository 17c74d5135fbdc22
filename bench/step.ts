import type { BackendName } from './backends.ts'
import type { Contestant, Group, Options, Question } from './harness/question.ts'
import { copies } from './native.ts'
import { conv, shapes, total, widths } from './sizes.ts'
import { gradients, renewed, saltflat, stockAdam, twin } from './works.ts'

const own = 'saltflat, nso(adam)'
const bare = 'its two gradients'
const fresh = 'two gradients at new weights'
const shipped = 'two gradients without our kernels'
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
  /** Step / two gradients on tfjs-node, at most. */
  readonly goal: number
}

const mlp = widths.mlp.join('-')
const size = total(shapes(widths.mlp))
const cases: readonly Case[] = [
  { name: `MLP ${mlp}, batch 128`, options: { widths: widths.mlp, batch: 128 }, size, goal: 1.15 },
  { name: `MLP ${mlp}, batch 32`, options: { widths: widths.mlp, batch: 32 }, size, goal: 1.4 },
  { name: 'conv net of 106k, batch 64', options: { batch: 64 }, size: total(conv), goal: 1.05 },
]

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
    return [
      ...cases.map((one) => alone(one, 'tensorflow', { rounds: 41, budget: 150 })),
      competition({ widths: widths.mlp, batch: 64 }),
      ...cases.map((one) => alone({ ...one, goal: 1.02 }, 'wasm', { rounds: 31, budget: 300 })),
      // A step takes seconds: a call a round.
      ...cases.map((one) => alone({ ...one, goal: 1.02 }, 'cpu', { rounds: 15, budget: 300 })),
    ]
  },
  works: {
    ...{ saltflat, gradients, renewed, stockAdam, twin },
    copies: (options) => copies(options.size as number, passes, { threads: 2 }),
  },
}

/**
 * Beside it, for scale, copies in place of our passes. Gradients run in a process where no store of ours is, so that
 * nothing of ours slows them down. On wasm the goal is for those at new weights, as any step has them. What tfjs does as it
 * comes, which multiplies transposed matrices in a scalar loop, stands there too: that ratio is the kernels', not the step's.
 */
function alone(
  { name, options, size, goal }: Case,
  backend: BackendName,
  pace: { rounds: number; budget: number },
): Group {
  const headline = backend === 'tensorflow'
  const wasm = backend === 'wasm'
  const dense = options.widths !== undefined
  const limit = goal < Infinity ? { goal: { atMost: goal } } : {}
  return {
    what: `${name}, ${backend}`,
    ...pace,
    contestants: [
      contestant(own, backend, 'saltflat', options),
      contestant(bare, `${backend} stock`, 'gradients', options),
      // One gradient, counted twice.
      ...(wasm ? [{ ...contestant(fresh, `${backend} stock`, 'renewed', options), scale: 5e5 }] : []),
      ...(wasm && dense ? [contestant(shipped, `${backend} plain`, 'gradients', { ...options, plain: true })] : []),
      contestant(copied, 'native', 'copies', { size }),
    ],
    claims: [
      { contestant: own, against: bare, as: 'cost', ...(wasm ? {} : limit), headline },
      { contestant: own, against: fresh, as: 'cost', ...limit, headline: wasm },
      { contestant: own, against: shipped, as: 'cost' },
      { contestant: copied, against: wasm ? fresh : bare, as: 'cost' },
      { contestant: own, against: bare, as: 'beyond' },
    ],
  }
}

/** Against what a user of tfjs has: its Adam, at half the gradients, and NSO written by hand. */
function competition(options: Options): Group {
  return {
    what: `MLP ${mlp}, batch ${options.batch}, tensorflow`,
    ...{ rounds: 41, budget: 150 },
    contestants: [
      contestant(own, 'tensorflow', 'saltflat', options),
      contestant(adam, 'tensorflow stock', 'stockAdam', options),
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
