import { fromMatvec, topEigenvalues } from 'saltflat'
import { besides, fresh, pace } from './diagonal.ts'
import type { Contestant, Group, Options, Question, Work } from './harness/question.ts'
import { short } from './sizes.ts'

const own = 'saltflat'
const first = 'saltflat, verify: false'
const arpack = 'ARPACK'

/** The top eigenvalues: what do they cost besides the products? */
export const eigenvalues: Question = {
  about: 'the top ten eigenvalues of a diagonal matrix with ten outliers, without the products',
  groups: ({ quick }) => (quick ? [5000] : [670_000, 11_000_000]).map((size) => group(size, quick)),
  works: { top },
}

function group(size: number, quick: boolean): Group {
  const contestant = (name: string, host: Contestant['host'], options: Options): Contestant => ({
    ...{ name, host, work: 'top', options: { size, count: quick ? 3 : 10, tolerance: 1e-4, threads: 2, ...options } },
    ...{ unit: 's', scale: 1e9 },
  })
  return {
    what: `top ten eigenvalues besides the products, ${short(size)}, 2 threads`,
    ...pace(quick, size >= 1e7 ? 6 : 15),
    contestants: [
      contestant(own, 'native', { verify: true }),
      contestant(first, 'native', { verify: false }),
      contestant(arpack, 'torch', { ncv: 20 }),
    ],
    claims: [
      { contestant: own, against: arpack, as: 'faster', goal: { atLeast: 1 }, headline: true },
      // What ARPACK does: it never looks whether an eigenvalue that it has found is there twice.
      { contestant: first, against: arpack, as: 'faster', headline: true },
    ],
  }
}

function top({ size, count, tolerance, verify }: Options): Work {
  const options = { count: count as number, tolerance: tolerance as number, verify: verify as boolean }
  return besides(fresh(size as number), (timed) => ({
    async run() {
      const { converged } = await topEigenvalues(fromMatvec(size as number, timed), options)
      if (!converged.every(Boolean)) throw new Error('not converged')
    },
  }))
}
