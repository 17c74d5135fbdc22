import * as tf from '@tensorflow/tfjs'
import type { Distribution } from '../src/types.ts'
import type { Contestant, Goal, Group, Options, Question, Setting, Work } from './harness/question.ts'
import { type Computing, copies, inPlace, perturbation } from './native.ts'
import { short } from './sizes.ts'

const distributions: Distribution[] = ['gaussian', 'rademacher', 'uniform', 'laplace']

/** ns an element of gaussian noise, by instruction set and threads. */
const goals: Record<string, Record<number, number>> = { avx512: { 1: 0.75, 2: 0.4 }, avx2: { 1: 1.4, 2: 0.7 } }

/** Milliseconds of a gradient, about. */
const gradient = 5

/** Against torch at 10⁷, by threads. */
const timesTorch: Record<number, number> = { 1: 7, 2: 13 }

/** W ← W + σU, as torch does it, and W' ← W + σU, as a step does: how fast is the noise? */
export const noise: Question = {
  about: 'W + σU, one vector',
  groups(setting) {
    const sizes = setting.quick ? [10_000] : [670_000, 10_000_000]
    return [
      ...sizes.flatMap((size) => [
        ...[1, 2].map((threads) => cores(size, threads, setting)),
        ...[1, 2].map((threads) => elsewhere(size, threads, setting)),
        backends(size, setting),
      ]),
      rested(sizes[0]!, setting),
    ]
  },
  works: {
    inPlace: move,
    perturb: draw,
    rested: (options) => ({ ...draw(options), before: () => pause(gradient) }),
    copy: ({ size, ...options }) => copies(size as number, 1, options as unknown as Computing),
    randomNormal,
  },
}

/**
 * In a step a pass comes after a gradient, when the threads that helped with the last one have long gone to sleep; in a
 * loop of passes they never do. No goal: how soon a sleeping processor is there is up to the system and, where it is virtual, to
 * its host.
 */
function rested(size: number, { levels, quick }: Setting): Group {
  const contestant = (name: string, threads: number): Contestant => ({
    ...ours(name, { size, distribution: 'gaussian', threads, simd: levels.at(-1)! }),
    work: 'rested',
  })
  const [one, two] = ['gaussian, 1 thread', 'gaussian, 2 threads']
  return {
    what: `noise, ${short(size)}, each pass ${gradient} ms after the last`,
    ...{ rounds: quick ? 2 : 15, budget: quick ? 1 : 60 },
    contestants: [contestant(one!, 1), contestant(two!, 2)],
    claims: [{ contestant: two!, against: one!, as: 'faster' }],
  }
}

/** In place: all distributions, and gaussian noise on the narrower instruction sets that have a goal, against torch. */
function cores(size: number, threads: number, { levels, quick }: Setting): Group {
  const simd = levels.at(-1)!
  const narrower = levels.slice(0, -1).filter((level) => goals[level] !== undefined)
  const contestant = (name: string, distribution: Distribution, level: string, atMost?: number): Contestant => ({
    ...ours(name, { size, distribution, threads, simd: level }, atMost),
    work: 'inPlace',
  })
  const gaussian = (level: string) => contestant(`gaussian, ${level}`, 'gaussian', level, goals[level]?.[threads])
  const widest = gaussian(simd)
  const others = distributions.filter((one) => one !== 'gaussian').map((one) => contestant(one, one, simd))
  const torch: Contestant = {
    ...{ name: 'torch, add_(randn_like)', host: 'torch', work: 'randn', options: { size, threads } },
    ...per(size),
  }
  const plain = contestant('read and written back', 'gaussian', simd)
  const still: Contestant = { ...plain, options: { ...plain.options, sigma: 0 } }
  const large = size >= 1e7
  const signs: Goal | undefined = threads === 2 ? { atLeast: large ? 3 : 5 } : undefined
  return {
    what: `noise, ${short(size)}, ${plural(threads)}`,
    ...{ rounds: quick ? 2 : 15, budget: quick ? 1 : 60 },
    contestants: [widest, ...narrower.map(gaussian), ...others, still, torch],
    claims: [
      {
        ...{ contestant: widest.name, against: torch.name, as: 'faster', headline: large && threads === 2 },
        ...(large ? { goal: { atLeast: timesTorch[threads]! } } : {}),
      },
      { contestant: 'rademacher', against: widest.name, as: 'faster', by: 'least', ...(signs && { goal: signs }) },
      { contestant: 'rademacher', against: still.name, as: 'cost', by: 'least' },
    ],
  }
}

/** Into another vector, as the first pass of a step does it. */
function elsewhere(size: number, threads: number, { levels, quick }: Setting): Group {
  const simd = levels.at(-1)!
  const gaussian = ours('gaussian', { size, distribution: 'gaussian', threads, simd }, goals[simd]?.[threads])
  const signs = ours('rademacher', { size, distribution: 'rademacher', threads, simd })
  const copy: Contestant = { ...ours('a copy', { size, threads, simd }), work: 'copy' }
  return {
    what: `noise, ${short(size)}, ${plural(threads)}, into another vector`,
    ...{ rounds: quick ? 2 : 15, budget: quick ? 1 : 60 },
    contestants: [gaussian, signs, copy],
    claims: [
      { contestant: gaussian.name, against: copy.name, as: 'cost', by: 'least' },
      { contestant: signs.name, against: copy.name, as: 'cost', by: 'least' },
    ],
  }
}

function plural(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`
}

/** What tfjs itself offers, on each backend: `randomNormal` and `assign`. */
function backends(size: number, { levels, quick }: Setting): Group {
  const options = { size, distribution: 'gaussian', threads: 2, simd: levels.at(-1)! }
  const own: Contestant = { ...ours('gaussian, 2 threads', options), work: 'inPlace' }
  const names = ['cpu', 'wasm', 'tensorflow'] as const
  return {
    what: `noise, ${short(size)}, against tfjs`,
    ...{ rounds: quick ? 2 : size >= 1e7 ? 7 : 11, budget: quick ? 1 : 60 },
    contestants: [
      own,
      ...names.map((backend): Contestant => {
        const host = `${backend} stock` as const
        return { name: `randomNormal, ${backend}`, host, work: 'randomNormal', options: { size }, ...per(size) }
      }),
    ],
    claims: names.map((backend) => ({
      ...{ contestant: own.name, against: `randomNormal, ${backend}`, as: 'faster', headline: backend === 'wasm' },
      ...(backend === 'wasm' ? { goal: { atLeast: 70 } } : {}),
    })),
  }
}

function draw({ size, distribution, ...options }: Options): Work {
  return perturbation(size as number, distribution as Distribution, options as unknown as Computing)
}

/** With σ = 0 nothing is drawn, whatever the distribution, and each element goes back as it came. */
function move({ size, distribution, sigma, ...options }: Options): Work {
  const computing = options as unknown as Computing
  return inPlace(size as number, distribution as Distribution, computing, sigma as number | undefined)
}

/** Busy, as a gradient is. */
function pause(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

/** The pass alone, whose floor is the processor's: by the least. */
function ours(name: string, options: Options, atMost?: number): Contestant {
  const goal = atMost === undefined ? {} : { goal: { atMost }, by: 'least' as const }
  return { name, host: 'native', work: 'perturb', options, ...per(options.size as number), ...goal }
}

function per(size: number): { unit: string; scale: number } {
  return { unit: 'ns/element', scale: size }
}

function randomNormal({ size }: Options): Work {
  const weights = tf.randomNormal([size as number], 0, 0.02)
  const variable = tf.variable(weights)
  return {
    run: () => tf.tidy(() => variable.assign(tf.add(weights, tf.mul(tf.randomNormal(weights.shape), 0.01)))),
  }
}
