import * as tf from '@tensorflow/tfjs'
import { fromMatvec, topEigenvalues, trace } from 'saltflat'
import type { Contestant, Group, Options, Question, Work } from './harness/question.ts'
import { lanczosSteps } from './native.ts'
import { hutchinson } from './pure-tfjs/hutchinson.ts'
import { lanczos } from './pure-tfjs/lanczos.ts'
import { short } from './sizes.ts'

const names = {
  sweep: 'saltflat, one sweep',
  none: 'saltflat, basis not kept',
  pyhessian: 'PyHessian',
  twin: 'pure tfjs, tensorflow',
  top: 'saltflat',
  first: 'saltflat, verify: false',
  arpack: 'ARPACK',
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
  about: 'Lanczos, the top ten eigenvalues and the trace of a diagonal matrix with ten outliers',
  groups({ quick }) {
    const all = quick ? [{ size: 5000, steps: 8, goal: 0 }] : cases
    const large = all.at(-1)!
    return [
      ...all.map((one) => density(one, quick)),
      ...all.map(({ size }) => eigenvalues(size, quick)),
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
    top,
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

/** One process a contestant, and calls of seconds that take gigabytes: few rounds. */
function pace(quick: boolean, rounds: number) {
  return { rounds: quick ? 2 : rounds, budget: quick ? 1 : 50, wake: !quick }
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

function eigenvalues(size: number, quick: boolean): Group {
  const contestant = (name: string, host: Contestant['host'], options: Options): Contestant => ({
    ...{ name, host, work: 'top', options: { size, count: quick ? 3 : 10, tolerance: 1e-4, threads: 2, ...options } },
    ...{ unit: 's', scale: 1e9 },
  })
  return {
    what: `Lanczos, top ten, ${short(size)}, 2 threads`,
    ...pace(quick, 5),
    contestants: [
      contestant(names.top, 'native', { verify: true }),
      contestant(names.first, 'native', { verify: false }),
      contestant(names.arpack, 'torch', { ncv: 20 }),
    ],
    claims: [
      { contestant: names.top, against: names.arpack, as: 'faster', headline: true },
      // What ARPACK does: it never looks whether an eigenvalue that it has found is there twice.
      { contestant: names.first, against: names.arpack, as: 'faster', goal: { atLeast: 1 }, headline: true },
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

/** Ten outliers 50·0.7ⁱ over a bulk in [−0.02, 0.3]. */
function spectrum(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (i < 10 ? 50 * 0.7 ** i : -0.02 + (0.32 * i) / (size - 1)))
}

function operator(size: number) {
  return fromMatvec(
    size,
    diagonal(spectrum(size), () => new Float32Array(size)),
  )
}

/** The product with a diagonal matrix, in the array that `room` gives. */
function diagonal(values: Float32Array, room: () => Float32Array) {
  return (v: Float32Array) => {
    const out = room()
    for (let i = 0; i < v.length; i++) out[i] = values[i]! * v[i]!
    return out
  }
}

/** What a run takes besides its products, which are no part of the iteration; torch's side has the same clock. */
function besides<V>(product: (v: V) => V, made: (timed: (v: V) => V) => { run(): void }): Work {
  let products = 0
  const { run } = made((v) => {
    const begun = performance.now()
    const found = product(v)
    products += performance.now() - begun
    return found
  })
  return {
    value() {
      const [begun, before] = [performance.now(), products]
      run()
      return (performance.now() - begun - (products - before)) * 1e6
    },
  }
}

function top({ size, count, tolerance, verify }: Options): Work {
  const H = operator(size as number)
  const options = { count: count as number, tolerance: tolerance as number, verify: verify as boolean }
  return {
    async run() {
      const { converged } = await topEigenvalues(H, options)
      if (!converged.every(Boolean)) throw new Error('not converged')
    },
  }
}
