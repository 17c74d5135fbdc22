import { invalid, knownKeys, largest, notFinite, number, whole } from '../options.ts'
import { curve, gridOver } from './density-curve.ts'
import { deviceOf, type PlacedOptions } from './device.ts'
import type { Interval } from './interval.ts'
import { type LanczosMoment, LanczosRun, type LongRunOptions, ritz, Watch } from './lanczos.ts'
import { checked, checkOperator, type Operator } from './operator.ts'
import { Saves } from './run-store.ts'
import { RunningSpread, spreadOf } from './spread.ts'

/** Options of `spectralDensity`. */
export interface SpectralDensityOptions extends LongRunOptions, PlacedOptions {
  /** Starts, each a run of its own: 1 to 16,777,216. Default 4. */
  probes?: number
  /** Products a run, the nodes of its quadrature: 2 to 10,000. Default 80, or the operator's size. */
  steps?: number
  /** Standard deviation of the Gaussian that each node becomes in `density`: > 0. Default 1 % of the spectrum's span. */
  width?: number
  /**
   * Points of the grid: 10 to 1,000,000. Default 1,000, or up to 10,000 where a narrow `width` asks for them. On a grid coarser
   * than the width each value of `density` is the mean over its cell, one step of the grid wide, so that no node is missed.
   */
  points?: number
  /** Seed of the starts: a safe integer ≥ 0. Default 0. */
  seed?: number
  /** Starts of your own instead of `probes` drawn from the seed: of any length from 1.2e-38 on, finite. */
  starts?: readonly Float32Array[]
  /**
   * Whether the basis is kept, a vector a step, and stays orthogonal: no node then comes twice. Default false; true for a
   * `width` below span / (2 × `steps`), and where nodes are compared one by one.
   */
  orthogonal?: boolean
}

/** The distribution of an operator's eigenvalues, as quadratures and as a curve. */
export interface SpectralDensity {
  /** How it was taken. */
  readonly method: 'lanczos-quadrature'
  /** Nodes and weights of each run; the weights of a run sum up to 1. */
  readonly runs: readonly Quadrature[]
  /** Where the curve is given, ascending. */
  readonly grid: readonly number[]
  /** Mean of the runs' curves there; it integrates to 1, whatever the width and the points. */
  readonly density: readonly number[]
  /** Standard deviation of the curve between runs, at each point of the grid; 0 for a single run. */
  readonly spread: readonly number[]
  /** Width of the Gaussians. */
  readonly width: number
  /** Mean of λᵖ over all eigenvalues, p = 1 … 4, and how sure each is; times the size, the first is the trace. */
  readonly moments: readonly Moment[]
  /** Products a run, at most. */
  readonly steps: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
  /** Bytes of native memory, on the host and on the GPU: unless `orthogonal`, the same however many steps. */
  readonly bytes: number
  /** Milliseconds, those of a run that this one went on with included. */
  readonly wallMs: number
}

/** What one start saw of the spectrum. */
export interface Quadrature {
  /** Eigenvalues of the projected matrix, ascending. */
  readonly nodes: readonly number[]
  /** Share of the spectrum at each node. */
  readonly weights: readonly number[]
}

/** A moment of the spectrum. */
export interface Moment {
  /** Mean over the starts. */
  readonly mean: number
  /** Standard error of `mean`, itself uncertain from few starts; Infinity for a single start. */
  readonly standardError: number
  /**
   * Covers the moment of the spectrum (of runs of 2 steps not the fourth, of 1 step only the first, for m steps are exact up to
   * degree 2m − 1) 95 times in 100, or a little less from few starts: by Student's t, and Hall's
   * correction for skewed samples. From 4 starts that is 3.2 standard errors each way, not 2. An even moment has none of it
   * below 0.
   */
  readonly interval95: Interval
}

const names = [
  'probes',
  'steps',
  'width',
  'points',
  'seed',
  'starts',
  'orthogonal',
  'device',
  'checkpoint',
  'signal',
  'onProgress',
]

/**
 * The density of an operator's eigenvalues by stochastic Lanczos quadrature.
 *
 * Each run of m steps from a random start gives m nodes and weights, which integrate polynomials up to degree 2m − 1 as the
 * start sees the spectrum; the mean over starts is the spectrum. Memory of five vectors: unless `orthogonal`, the basis is
 * not kept, and an outlier may show as several nodes that share its weight. That leaves fewer nodes for the rest, which a
 * curve shows only where it is narrower than they lie apart: with a `width` of half the span over `steps` or more, as by
 * default, it is the curve of an orthogonal basis to 0.003 in L1. On a GPU a step moves one vector up and one down. Throws
 * AbortedError on the signal, with the runs that are complete as `partial`; ERR_NOT_FINITE for a product that is not;
 * ERR_OUT_OF_MEMORY; ERR_NO_DEVICE and ERR_CUDA for the device 'cuda'; and whatever the operator throws. Source: Golub &
 * Meurant 1994; Ghorbani, Krishnan, Xiao, ICML 2019.
 *
 * @example
 * const { grid, density } = await spectralDensity(hessian(model, x, y), { probes: 4, steps: 80 })
 */
export async function spectralDensity(
  operator: Operator,
  options: SpectralDensityOptions = {},
): Promise<SpectralDensity> {
  checkOperator(operator)
  knownKeys('the options of spectralDensity', options, names)
  const {
    starts,
    probes = starts?.length ?? 4,
    steps = Math.min(operator.size, 80),
    points,
    seed = 0,
    orthogonal = false,
    width,
  } = options
  whole('probes', probes, 1, 2 ** 24)
  whole('steps', steps, Math.min(2, operator.size), 10_000)
  if (points !== undefined) whole('points', points, 10, 1_000_000)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (width !== undefined) number('width', width, { min: 0, open: true, max: largest })
  if (typeof orthogonal !== 'boolean') throw invalid('true or false for orthogonal', orthogonal)
  const device = deviceOf(options)
  const { size } = operator
  if (starts !== undefined) checkStarts(starts, probes, size)
  const own = { starts: starts !== undefined, orthogonal }
  const saves = new Saves<Saved>(options.checkpoint, 'spectralDensity', { size, steps, seed, ...own })
  const before = await saves.load()
  const runs = [...(before?.at.runs ?? [])]
  const wallMs = before?.at.wallMs ?? 0
  let products = before?.at.products ?? 0
  const watch = new Watch<SpectralDensity>(options, probes * steps, { done: products })
  const run = new LanczosRun(operator, { keep: orthogonal, vectors: orthogonal ? steps + 1 : 3, device })
  const quality = () => ({ passes: products * operator.passes, bytes: run.bytes, wallMs: wallMs + watch.elapsed })
  const found = () => smoothed(runs.slice(0, probes), { width, points, steps, ...quality() })
  const moment = () => {
    const { numbers, vectors } = run.moment()
    return { at: { numbers, runs: [...runs], products, wallMs: wallMs + watch.elapsed }, vectors }
  }
  const partial = () => (runs.length === 0 ? null : found())
  const last = () => saves.keep(products, moment, true)
  try {
    if (before !== null) run.restore({ numbers: before.at.numbers, vectors: before.vectors })
    for (let index = runs.length; index < probes; index++) {
      // One that is restored is in the midst of its probe.
      if (before === null || index > before.at.runs.length) {
        if (starts === undefined) run.start(seed, index)
        else run.startFrom(starts[index]!)
      }
      while (run.projected.alphas.length < steps && !run.ended) {
        await saves.keep(products, moment)
        await watch.check(partial, last)
        await watch.during(() => run.step(), partial, last)
        products++
        watch.tick()
      }
      const { values, row } = ritz(run.projected, 'first')
      runs.push({ nodes: values, weights: values.map((_, i) => row(i)[0]! ** 2) })
    }
    return found()
  } finally {
    run.dispose()
  }
}

/** What is saved of a run besides its vectors. */
interface Saved {
  readonly numbers: LanczosMoment['numbers']
  /** Of the probes that are complete. */
  readonly runs: readonly Quadrature[]
  readonly products: number
  readonly wallMs: number
}

function checkStarts(starts: unknown, probes: number, size: number): void {
  if (!Array.isArray(starts) || starts.length !== probes) throw invalid('an array of as many starts as probes', starts)
  for (const one of starts) {
    const bad = notFinite(checked(one, size, 'a start'))
    if (bad >= 0) throw invalid('finite numbers in a start', one[bad])
  }
}

function smoothed(
  runs: readonly Quadrature[],
  rest: {
    readonly width: number | undefined
    readonly points: number | undefined
    readonly steps: number
    readonly passes: number
    readonly bytes: number
    readonly wallMs: number
  },
): SpectralDensity {
  const all = runs.flatMap(({ nodes }) => nodes)
  const [lowest, highest] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))]
  const [span, most] = [highest - lowest, Math.max(Math.abs(lowest), Math.abs(highest))]
  // A multiple of the identity has no span, but for float32's rounding from one start to the next.
  const width = rest.width ?? (span > 2 ** -20 * most ? span : most || 1) / 100
  const grid = gridOver(lowest, highest, width, rest.points)
  const curves = runs.map((run) => curve(run, grid, width))
  const columns = grid.map((_, i) => spreadOf(curves.map((one) => one[i]!)))
  const moments = [1, 2, 3, 4].map((power): Moment => {
    const samples = new RunningSpread()
    for (const { nodes, weights } of runs) {
      samples.add(nodes.reduce((sum, node, i) => sum + weights[i]! * node ** power, 0))
    }
    const { mean, standardError } = samples.spread
    const [low, high] = samples.interval95
    return { mean, standardError, interval95: [power % 2 === 0 ? Math.max(0, low) : low, high] }
  })
  return {
    method: 'lanczos-quadrature',
    runs,
    grid,
    density: columns.map(({ mean }) => mean),
    spread: columns.map(({ deviation }) => deviation),
    width,
    moments,
    steps: rest.steps,
    passes: rest.passes,
    bytes: rest.bytes,
    wallMs: rest.wallMs,
  }
}
