import type { ProblemSize } from './problem.ts'

/** Everything a run of matrix sensing depends on. */
export interface Settings extends ProblemSize {
  /** Steps of every method. */
  readonly steps: number
  /** η of plain gradient descent, the base of all three. */
  readonly learningRate: number
  /** Standard deviation of the noise on every element of U. */
  readonly sigma: number
  /** Points of a curve after its first. */
  readonly points: number
}

/**
 * The settings of a run. 100×100 of rank 5 from 2,500 = 5·d·rank measurements, η .0025, σ .08, 5,000 steps: those of the
 * figure in arXiv 2306.08553. `smoke`: seconds.
 */
export function settingsFor(smoke: boolean, seed: number, steps?: number): Settings {
  const common = { learningRate: 0.0025, sigma: 0.08, points: 100, seed }
  const size = smoke
    ? { dimension: 20, rank: 2, measurements: 200, steps: steps ?? 200 }
    : { dimension: 100, rank: 5, measurements: 2500, steps: steps ?? 5000 }
  return { ...common, ...size, points: Math.min(common.points, size.steps) }
}
