import { knownKeys, number, oneOf, whole } from '../options.ts'
import { LanczosRun, type RunOptions, ritz, Watch } from './lanczos.ts'
import { checkOperator, type Operator } from './operator.ts'

/** Options of `topEigenvalues`. */
export interface TopEigenvaluesOptions extends RunOptions {
  /** Eigenvalues wanted: a whole number ≥ 1. Default 1. */
  count?: number
  /** Which: the largest, the smallest (most negative), or the largest in magnitude. Default 'largest'. */
  which?: 'largest' | 'smallest' | 'magnitude'
  /** Relative residual ‖Hv − λv‖/|λ| at which an eigenvalue counts as found: > 0. Default 1e-4, about what float32 gives. */
  tolerance?: number
  /** Products at most, and vectors held: 2 to the operator's size. Default 100, or 20 more than four times `count`. */
  steps?: number
  /** Seed of the start: a safe integer ≥ 0. Default 0. */
  seed?: number
  /** Whether eigenvectors are wanted: flat, of length 1. Default false. */
  vectors?: boolean
}

/** Eigenvalues, with their quality. */
export interface TopEigenvalues {
  /** How they were found. */
  readonly method: 'lanczos'
  /** In the order that was asked for: the first is the largest, the smallest or the largest in magnitude. */
  readonly values: readonly number[]
  /** ‖Hv − λv‖ of each. */
  readonly residuals: readonly number[]
  /** Whether each residual is within the tolerance. */
  readonly converged: readonly boolean[]
  /** The eigenvectors, where they were asked for. */
  readonly vectors: readonly Float32Array[] | null
  /** Products taken. */
  readonly steps: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
  /** Bytes of the basis. */
  readonly bytes: number
}

const names = ['count', 'which', 'tolerance', 'steps', 'seed', 'vectors', 'signal', 'onProgress']

/**
 * The top eigenvalues of an operator by the Lanczos iteration with a basis that is kept orthogonal.
 *
 * One product a step; ends when all are found, or after `steps`. Memory of a vector a step. A vector is worth λ only up to
 * its residual: |λ − found| ≤ ‖Hv − λv‖. One start sees each *distinct* eigenvalue once: one that repeats is listed once, and
 * where there are fewer distinct ones than `count` the list is shorter. The start is a function of the seed alone. Throws AbortedError on the signal, with
 * what there is as `partial`; ERR_OUT_OF_MEMORY where the basis does not fit; and whatever the operator throws. Source: Lanczos 1950; Paige 1972.
 *
 * @example
 * const { values, residuals } = await topEigenvalues(hessian(model, x, y), { count: 5 })
 */
export async function topEigenvalues(operator: Operator, options: TopEigenvaluesOptions = {}): Promise<TopEigenvalues> {
  checkOperator(operator)
  knownKeys('the options of topEigenvalues', options, names)
  const { size } = operator
  const { count = 1, which = 'largest', tolerance = 1e-4, seed = 0, vectors = false } = options
  whole('count', count, 1, size)
  oneOf('which', which, ['largest', 'smallest', 'magnitude'])
  number('tolerance', tolerance, { min: 0, open: true })
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const { steps = Math.min(size, Math.max(100, 4 * count + 20)) } = options
  whole('steps', steps, Math.min(size, Math.max(2, count)), size)
  const watch = new Watch<TopEigenvalues>(options, steps)
  const run = new LanczosRun(operator, { seed, index: 0, keep: true })
  const found = () => chosen(run, { count, which, tolerance, vectors, passes: operator.passes })
  try {
    while (run.alphas.length < steps && !run.ended) {
      await watch.check(() => (run.alphas.length === 0 ? null : found()))
      await run.step()
      watch.tick()
      const { length } = run.alphas
      // Looking costs O(m²), which is nothing beside a product, but not nothing at all.
      if (length >= count && length % 4 === 0 && allConverged(run, { count, which, tolerance })) break
    }
    return found()
  } finally {
    run.dispose()
  }
}

interface Wanted {
  readonly count: number
  readonly which: NonNullable<TopEigenvaluesOptions['which']>
  readonly tolerance: number
}

/** Places of the wanted ones among ascending Ritz values. */
function places(values: readonly number[], { count, which }: Wanted): number[] {
  const order = values.map((_, i) => i)
  if (which === 'largest') order.reverse()
  if (which === 'magnitude') order.sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!))
  return order.slice(0, count)
}

function allConverged(run: LanczosRun, wanted: Wanted): boolean {
  const { values, row } = ritz(run, 'ends')
  const rest = run.betas.at(-1)!
  return places(values, wanted).every((i) => Math.abs(rest * row(i)[1]!) <= wanted.tolerance * Math.abs(values[i]!))
}

function chosen(
  run: LanczosRun,
  wanted: Wanted & { readonly vectors: boolean; readonly passes: number },
): TopEigenvalues {
  const { values, row } = ritz(run, wanted.vectors ? 'all' : 'ends')
  const rest = run.betas.at(-1)!
  const picked = places(values, wanted)
  const residuals = picked.map((i) => Math.abs(rest * row(i).at(-1)!))
  const { length } = run.alphas
  return {
    method: 'lanczos',
    values: picked.map((i) => values[i]!),
    residuals,
    converged: picked.map((i, k) => residuals[k]! <= wanted.tolerance * Math.abs(values[i]!)),
    vectors: wanted.vectors ? picked.map((i) => run.combine(row(i))) : null,
    steps: length,
    passes: length * wanted.passes,
    bytes: run.bytes,
  }
}
