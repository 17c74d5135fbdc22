import type { BackendName } from './backends.ts'
import type { Contestant, Group, Options, Question } from './harness/question.ts'
import { copies } from './native.ts'
import { conv, shapes, total, widths } from './sizes.ts'
import { gradients, renewed, saltflat, stockAdam, twin } from './works.ts'

const own = 'saltflat, nso(adam)'
const bare = 'its two gradients'
const fresh = 'two gradients at new weights'
const apart = 'the same, process without saltflat'
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
      ...cases.map((one) => alone(one, 'tensorflow', { rounds: 21, budget: 150 })),
      competition({ widths: widths.mlp, batch: 64 }),
      ...cases.map((one) => alone({ ...one, goal: 1.02 }, 'wasm', { rounds: 15, budget: 300 })),
      // A step takes seconds: a call a round.
      ...cases.map((one) => alone({ ...one, goal: 1.02 }, 'cpu', { rounds: 5, budget: 300 })),
    ]
  },
  works: {
    ...{ saltflat, gradients, renewed, stockAdam, twin },
    copies: (options) => copies(options.size as number, passes, { threads: 2 }),
  },
}

/**
 * Beside it, for scale, copies in place of our passes. On cpu and wasm both sides share a process, for there V8 decides how fast
 * a gradient is, anew in each process, and two of them differ by more than a step adds; the same gradients where no store of
 * ours is stand there too. On wasm they are taken at new weights, as any step has them. The goals of wasm are for the gradients
 * that tfjs has, where it has any: it multiplies transposed matrices in a scalar loop, and ours are so much faster that our
 * passes alone, at the speed of memory, are more than the goal of them. The ratio to those is there without a goal.
 */
function alone(
  { name, options, size, goal }: Case,
  backend: BackendName,
  pace: { rounds: number; budget: number },
): Group {
  const native = backend === 'tensorflow'
  const wasm = backend === 'wasm'
  const dense = options.widths !== undefined
  const limit = goal < Infinity ? { goal: { atMost: goal } } : {}
  // One gradient at new weights, counted twice.
  const two = wasm ? { name: fresh, work: 'renewed', scale: 5e5 } : { name: bare, work: 'gradients', scale: 1e6 }
  const gradients = (host: Contestant['host'], named = two.name): Contestant => ({
    ...{ ...two, name: named },
    ...{ host, options, unit: 'ms' },
  })
  return {
    what: `${name}, ${backend}`,
    ...pace,
    contestants: [
      contestant(own, backend, 'saltflat', options),
      gradients(native ? `${backend} stock` : backend),
      ...(native ? [] : [gradients(`${backend} stock`, apart)]),
      ...(wasm && dense ? [contestant(shipped, `${backend} plain`, 'gradients', { ...options, plain: true })] : []),
      contestant(copied, 'native', 'copies', { size }),
    ],
    claims: [
      { contestant: own, against: two.name, as: 'cost', ...(wasm && dense ? {} : limit), headline: true },
      { contestant: own, against: apart, as: 'cost' },
      { contestant: own, against: shipped, as: 'cost', ...limit },
      { contestant: copied, against: two.name, as: 'cost' },
      { contestant: own, against: two.name, as: 'beyond' },
    ],
  }
}

/** Against what a user of tfjs has: its Adam, at half the gradients, and NSO written by hand. */
function competition(options: Options): Group {
  return {
    what: `MLP ${mlp}, batch ${options.batch}, tensorflow`,
    ...{ rounds: 21, budget: 150 },
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
