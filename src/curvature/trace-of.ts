import { SaltflatError } from '../errors.ts'
import { invalid, knownKeys, oneOf, whole } from '../options.ts'
import { deviceOf, type PlacedOptions } from './device.ts'
import type { Interval } from './interval.ts'
import { type LanczosMoment, LanczosRun, type LongRunOptions, type Projected, ritz, Watch } from './lanczos.ts'
import { checkOperator, type Operator } from './operator.ts'
import type { ProbeDistribution } from './probes.ts'
import { Saves } from './run-store.ts'
import { RunningSpread } from './spread.ts'

/** Options of `traceOf`. */
export interface TraceOfOptions extends LongRunOptions, PlacedOptions {
  /** Starts, each a run of its own: 2 to 16,777,216. Default 16: with fewer the interval covers less than it says. */
  probes?: number
  /** Products a run, the nodes of its quadrature: 1 to 10,000. Default 80, or the operator's size. */
  steps?: number
  /** Elements of the starts: ±1, or normal, whose direction is uniform on the sphere. Default 'rademacher'. */
  distribution?: ProbeDistribution
  /** Seed of the starts: a safe integer ≥ 0. Default 0. */
  seed?: number
}

/** An estimate of the trace of a function of an operator, with its quality. */
export interface FunctionTrace {
  /** How it was taken. */
  readonly method: 'lanczos-quadrature-trace'
  /** tr f(H). */
  readonly mean: number
  /** Standard error of `mean` from one start to the next. */
  readonly standardError: number
  /** Covers tr f(H) 95 times in 100, but for `truncation`: by Student's t, and Hall's correction for skewed samples. */
  readonly interval95: Interval
  /**
   * How far half the steps lie from all of them: where f is smooth on the spectrum, more than the error of too few steps;
   * Infinity for one step. What a run leaves of eigenvalues below a millionth of ‖H‖ is float32's rounding, and not in it.
   */
  readonly truncation: number
  /** Starts taken. */
  readonly probes: number
  /** Products a run, at most. */
  readonly steps: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
  /** Milliseconds, those of a run that this one went on with included. */
  readonly wallMs: number
  /** Native memory of a run, on the host and on the GPU, in bytes. */
  readonly bytes: number
}

const names = ['probes', 'steps', 'distribution', 'seed', 'device', 'checkpoint', 'signal', 'onProgress']

/**
 * The trace of f(H), which has the eigenvectors of H and the eigenvalues f(λ), by stochastic Lanczos quadrature:
 *
 * tr f(H) ≈ size · mean over starts of Σ weightᵢ·f(nodeᵢ).
 *
 * Math.log gives the log-determinant, λ ↦ 1/λ the trace of the inverse, λ ↦ λ² the squared Frobenius norm, λ ↦ λ > t ? 1 : 0
 * the number of eigenvalues above t. A run of m steps is exact for polynomials up to degree 2m − 1, so the more f bends
 * where eigenvalues lie, the more steps it wants: `truncation` tells, and `standardError` does not. f is asked at the nodes,
 * which lie between the smallest and the largest eigenvalue. `probes` × `steps` products and memory of five vectors,
 * whatever the steps. The seed decides the starts. With a `checkpoint`, a run that was ended goes on to the bit where it was
 * saved last; f, `probes` and `device` may have changed. Throws
 * ERR_NOT_FINITE where f is not finite at a node, which the message names (a Hessian may have negative eigenvalues: shift it,
 * or take a Gauss–Newton matrix); AbortedError on the signal, with the estimate so far as `partial` (null before the second
 * run ends); ERR_STATE where the checkpoint is of another run; ERR_NO_DEVICE and ERR_CUDA for the device 'cuda'; and whatever
 * the operator, f or the store throws. Source: Golub & Meurant 1994; Ubaru, Chen & Saad, SIAM J. Matrix Anal. Appl. 2017.
 *
 * @example
 * const H = hessian(model, x, y)
 * const squares = await traceOf(H, (lambda) => lambda ** 2, { probes: 4, steps: 20 })
 * console.log(Math.sqrt(squares.mean), squares.truncation) // → … …
 */
export async function traceOf(
  operator: Operator,
  f: (eigenvalue: number) => number,
  options: TraceOfOptions = {},
): Promise<FunctionTrace> {
  checkOperator(operator)
  if (typeof f !== 'function') throw invalid('a function of an eigenvalue for f', f)
  knownKeys('the options of traceOf', options, names)
  const { size } = operator
  const { probes = 16, steps = Math.min(size, 80), distribution = 'rademacher', seed = 0 } = options
  whole('probes', probes, 2, 2 ** 24)
  whole('steps', steps, 1, 10_000)
  oneOf('distribution', distribution, ['rademacher', 'gaussian'])
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const device = deviceOf(options)
  const saves = new Saves<Saved>(options.checkpoint, 'traceOf', { size, steps, distribution, seed })
  const before = await saves.load()
  const matrices = [...(before?.at.matrices ?? [])]
  let products = before?.at.products ?? 0
  const watch = new Watch<FunctionTrace>(options, probes * steps, { done: products })
  const wallMs = () => (before?.at.wallMs ?? 0) + watch.elapsed
  const [all, half] = [new RunningSpread(), new RunningSpread()]
  const run = new LanczosRun(operator, { keep: false, vectors: 3, device })
  let counted = 0
  /** Whether some run is of one step, which has no half, and had more to go. */
  let shortest = false
  const count = (matrix: Projected) => {
    const value = size * integral(matrix, matrix.alphas.length, f)
    // A run that has ended is exact, to float32.
    const ended = matrix.betas.at(-1) === 0
    shortest ||= !ended && matrix.alphas.length === 1
    all.add(value)
    half.add(ended ? value : size * integral(matrix, Math.ceil(matrix.alphas.length / 2), f))
    counted++
  }
  const found = (): FunctionTrace => {
    const { mean, standardError } = all.spread
    return {
      method: 'lanczos-quadrature-trace',
      mean,
      standardError,
      interval95: all.interval95,
      truncation: shortest ? Infinity : Math.abs(mean - half.spread.mean),
      probes: counted,
      steps,
      passes: products * operator.passes,
      wallMs: wallMs(),
      bytes: run.bytes,
    }
  }
  const moment = () => {
    const { numbers, vectors } = run.moment()
    return { at: { numbers, matrices: [...matrices], products, wallMs: wallMs() }, vectors }
  }
  const partial = () => (counted < 2 ? null : found())
  const last = () => saves.keep(products, moment, true)
  try {
    if (before !== null) run.restore({ numbers: before.at.numbers, vectors: before.vectors })
    for (const matrix of matrices.slice(0, probes)) count(matrix)
    for (let index = matrices.length; index < probes; index++) {
      // One that is restored is in the midst of its probe.
      if (before === null || index > before.at.matrices.length) run.start(seed, index, distribution)
      while (run.projected.alphas.length < steps && !run.ended) {
        await saves.keep(products, moment)
        await watch.check(partial, last)
        await watch.during(() => run.step(), partial, last)
        products++
        watch.tick()
      }
      const { alphas, betas } = run.projected
      matrices.push({ alphas, betas })
      count({ alphas, betas })
    }
    return found()
  } finally {
    run.dispose()
  }
}

/** What is saved of a run besides its vectors. */
interface Saved {
  readonly numbers: LanczosMoment['numbers']
  /** Projected matrices of the probes that are complete. */
  readonly matrices: readonly Projected[]
  readonly products: number
  readonly wallMs: number
}

/** Σ weight·f(node) of a run's first steps. */
function integral({ alphas, betas }: Projected, steps: number, f: (eigenvalue: number) => number): number {
  const { values, row } = ritz({ alphas: alphas.slice(0, steps), betas: betas.slice(0, steps) }, 'first')
  return values.reduce((sum, node, i) => {
    const value = Number(f(node))
    if (!Number.isFinite(value)) {
      throw new SaltflatError(
        'ERR_NOT_FINITE',
        `Expected f to be finite between the smallest and the largest eigenvalue, received ${value} at ${node}. Shift the operator, or take an f that is defined there.`,
      )
    }
    return sum + row(i)[0]! ** 2 * value
  }, 0)
}
