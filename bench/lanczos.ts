import * as tf from '@tensorflow/tfjs'
import { trace } from 'saltflat'
import { besides, diagonal, operator, pace, spectrum } from './diagonal.ts'
import type { Contestant, Group, Options, Question } from './harness/question.ts'
import { lanczosSteps } from './native.ts'
import { hutchinson } from './pure-tfjs/hutchinson.ts'
import { lanczos } from './pure-tfjs/lanczos.ts'
import { short } from './sizes.ts'

const names = {
  sweep: 'saltflat, one sweep',
  none: 'saltflat, basis not kept',
  pyhessian: 'PyHessian',
  twin: 'pure tfjs, tensorflow',
  sweeps: 'saltflat, a whole run',
  read: 'a read of as much memory',
  trace: 'saltflat, trace',
}

interface Case {
  readonly size: number
  readonly steps: number
  /** Times PyHessian. */
  readonly goal: number
}

const cases: readonly Case[] = [
  { size: 670_000, steps: 100, goal: 3.5 },
  { size: 11_000_000, steps: 40, goal: 7 },
]

/** Lanczos on flat vectors: what does it cost besides the products? */
export const lanczosQuestion: Question = {
  about: 'Lanczos and the trace of a diagonal matrix with ten outliers',
  groups({ quick }) {
    const all = quick ? [{ size: 5000, steps: 8, goal: 0 }] : cases
    const large = all.at(-1)!
    return [
      ...all.map((one) => density(one, quick)),
      bandwidth(large.size, quick ? large.steps : 100, quick),
      probes(all[0]!.size, quick),
    ]
  },
  works: {
    steps: ({ size, steps, keep, threads }) => {
      const out = new Float32Array(size as number)
      const product = diagonal(spectrum(size as number), () => out)
      return besides(product, (timed) => {
        const options = { keep: keep as boolean, threads: threads as number }
        return lanczosSteps(timed, size as number, steps as number, options)
      })
    },
    trace: ({ size, probes }) => ({
      async run() {
        await trace(operator(size as number), { probes: probes as number })
      },
    }),
    twin: ({ size, steps }) => {
      const [values, start] = [tf.tensor1d(spectrum(size as number)), tf.randomNormal([size as number])]
      return besides(
        (v: tf.Tensor1D) => tf.mul(v, values) as tf.Tensor1D,
        (timed) => ({ run: () => void lanczos(timed, start as tf.Tensor1D, steps as number) }),
      )
    },
    twinTrace: ({ size, probes }) => {
      const values = tf.tensor1d(spectrum(size as number))
      return { run: () => void hutchinson((v) => tf.mul(v, values), size as number, probes as number) }
    },
  },
}

function density({ size, steps, goal }: Case, quick: boolean): Group {
  const contestant = (name: string, host: Contestant['host'], work: string, options: Options = {}): Contestant => ({
    ...{ name, host, work, options: { size, steps, threads: 2, ...options } },
    ...{ unit: 's', scale: 1e9 },
  })
  return {
    what: `Lanczos, m = ${steps}, ${short(size)}, 2 threads`,
    ...pace(quick, 3),
    contestants: [
      contestant(names.sweep, 'native', 'steps', { keep: true }),
      contestant(names.none, 'native', 'steps', { keep: false }),
      contestant(names.pyhessian, 'torch', 'density'),
      contestant(names.twin, 'tensorflow stock', 'twin'),
    ],
    claims: [
      { contestant: names.sweep, against: names.pyhessian, as: 'faster', goal: { atLeast: goal }, headline: true },
      { contestant: names.sweep, against: names.twin, as: 'faster', headline: true },
      { contestant: names.none, against: names.sweep, as: 'faster' },
    ],
  }
}

function bandwidth(size: number, steps: number, quick: boolean): Group {
  // Float32 rows, twice in each step: that a run reads rounded copies of them is its own affair. A read of some rows, once.
  const rows = Math.min(steps, 40)
  const bytes = { steps: 4 * size * steps * (steps + 1), read: 4 * size * rows }
  const contestant = (name: string, host: Contestant['host'], work: keyof typeof bytes): Contestant => ({
    ...{ name, host, work, unit: 'ns/kB', scale: bytes[work] / 1e3 },
    options: { size: work === 'read' ? size * rows : size, steps, keep: true, threads: 2 },
  })
  return {
    what: `Lanczos, two reads of a float32 basis a step, m = ${steps}, ${short(size)}, 2 threads`,
    ...pace(quick, 3),
    contestants: [contestant(names.sweeps, 'native', 'steps'), contestant(names.read, 'torch', 'read')],
    claims: [{ contestant: names.sweeps, against: names.read, as: 'faster', goal: { atLeast: 0.8 } }],
  }
}

function probes(size: number, quick: boolean): Group {
  const contestant = (name: string, host: Contestant['host'], work: string): Contestant => ({
    ...{ name, host, work, options: { size, probes: quick ? 2 : 32, threads: 2 } },
    ...{ unit: 'ms/probe', scale: 1e6 * (quick ? 2 : 32) },
  })
  return {
    what: `trace, ${short(size)}`,
    ...pace(quick, 9),
    contestants: [
      contestant(names.trace, 'native', 'trace'),
      contestant(names.pyhessian, 'torch', 'hutchinson'),
      contestant(names.twin, 'tensorflow stock', 'twinTrace'),
    ],
    claims: [
      { contestant: names.trace, against: names.pyhessian, as: 'faster' },
      { contestant: names.trace, against: names.twin, as: 'faster' },
    ],
  }
}
