import { invalid, knownKeys, number, oneOf, whole } from '../options.ts'
import { deviceOf, type PlacedOptions } from './device.ts'
import { type LongRunOptions, Watch } from './lanczos.ts'
import { checkOperator, type Operator } from './operator.ts'
import { Saves } from './run-store.ts'
import { Search, type SearchState } from './search.ts'
import { listed, type Which, whiches } from './wanted.ts'

/** Options of `topEigenvalues`. */
export interface TopEigenvaluesOptions extends LongRunOptions, PlacedOptions {
  /** Eigenvalues wanted, each as often as it repeats: a whole number ≥ 1, at most the operator's size. Default 1. */
  count?: number
  /**
   * Which: the largest, the smallest (most negative), half of `count` of both (of an odd one, the larger half are the
   * largest), or the largest in magnitude. Default 'largest'.
   */
  which?: Which
  /**
   * Relative residual ‖Hv − λv‖/|λ| at which an eigenvalue counts as found: > 0. Default 1e-4, about what float32 gives; so does
   * a residual of a millionth of the largest |λ|, which is rounding.
   */
  tolerance?: number
  /** Products at most: at least 2 and `count`, or the operator's size. Default 200, or 20 × `count` where that is more. */
  steps?: number
  /**
   * Vectors in memory at most, those handed to and fro among them: 2 × `count` + 8 or more. Default 2 × (`count` + 10). From
   * 65,536 elements on one of the basis counts as 1.5, for a rounded copy lies beside it.
   */
  basis?: number
  /** Whether a fresh start then looks for what one start cannot see, such as eigenvalues that repeat. Default true. */
  verify?: boolean
  /** Seed of the starts: a safe integer ≥ 0. Default 0. */
  seed?: number
  /** Whether eigenvectors are wanted: flat, of length 1. Default false. */
  vectors?: boolean
}

/** Eigenvalues, with their quality. */
export interface TopEigenvalues {
  /** How they were found. */
  readonly method: 'lanczos'
  /** In the order that was asked for: the first is the largest, the smallest or the largest in magnitude; of both ends, the largest come first, then the smallest, the outermost first. */
  readonly values: readonly number[]
  /** ‖Hv − λv‖ of each, about: what the iteration says, and at least the rounding of float32, 2⁻²² of the largest |λ| seen. */
  readonly residuals: readonly number[]
  /** Whether each residual is within the tolerance. */
  readonly converged: readonly boolean[]
  /** Whether a fresh start has shown that none is missing, but with a probability of 1e-4. */
  readonly complete: boolean
  /** The eigenvectors, where they were asked for. */
  readonly vectors: readonly Float32Array[] | null
  /** Products taken. */
  readonly steps: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
  /** Bytes of native memory, on the host and on the GPU, at the end; they never were more. */
  readonly bytes: number
  /** Milliseconds, those of a run that this one went on with included. */
  readonly wallMs: number
}

const names = [
  ...['count', 'which', 'tolerance', 'steps', 'basis', 'verify', 'seed', 'vectors'],
  ...['device', 'checkpoint', 'signal', 'onProgress'],
]

/**
 * The top eigenvalues of an operator by the Lanczos iteration with a basis that is kept orthogonal and restarted where it
 * is full.
 *
 * One product a step; ends when all are found and it is sure that none is missing, or after `steps`. Memory of `basis`
 * vectors of the operator's size. A vector is worth λ only up to its residual: |λ − found| ≤ ‖Hv − λv‖. A start sees each
 * eigenvalue once; those that have converged are set apart, and a fresh start orthogonal to them looks for others until
 * `complete`, which costs as many products again where the wanted ones lie close to the rest, and some ten where they lie
 * far from it. The list is shorter than `count` only where `steps` did not suffice. Starts are functions of the seed alone.
 * With a `checkpoint`, a run that was ended goes on to the bit where it was saved last; `steps`, `vectors` and `device` may
 * have changed. On a GPU a step moves one vector up and one down. Throws AbortedError on the signal, with what there is as
 * `partial`; ERR_NOT_FINITE for a product that is not; ERR_OUT_OF_MEMORY where the basis does not fit; ERR_NO_DEVICE and
 * ERR_CUDA for the device 'cuda'; ERR_STATE where the checkpoint is of another run; and whatever the operator and the store
 * throw. Source: Lanczos 1950; Paige 1972; Wu & Simon, SIAM J. Matrix Anal. Appl. 2000; Kuczyński & Woźniakowski, same,
 * 1992.
 *
 * @example
 * const { values, residuals } = await topEigenvalues(hessian(model, x, y), { count: 5 })
 */
export async function topEigenvalues(operator: Operator, options: TopEigenvaluesOptions = {}): Promise<TopEigenvalues> {
  checkOperator(operator)
  knownKeys('the options of topEigenvalues', options, names)
  const { size } = operator
  const { count = 1, which = 'largest', tolerance = 1e-4, seed = 0, vectors = false, verify = true } = options
  whole('count', count, 1, size)
  oneOf('which', which, whiches)
  number('tolerance', tolerance, { min: 0, open: true })
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const { steps = Math.max(200, 20 * count), basis = 2 * (count + 10) } = options
  whole('steps', steps, Math.min(size, Math.max(2, count)), 2 ** 31 - 1)
  whole('basis', basis, 2 * count + 8, 2 ** 31 - 1)
  for (const [name, value] of Object.entries({ vectors, verify })) {
    if (typeof value !== 'boolean') throw invalid(`true or false for ${name}`, value)
  }
  const device = deviceOf(options)
  const wanted = { count, which, tolerance, seed, basis, verify }
  const saves = new Saves<Saved>(options.checkpoint, 'topEigenvalues', { size, ...wanted })
  const before = await saves.load()
  const watch = new Watch<TopEigenvalues>(options, steps, { done: before?.at.products ?? 0 })
  const search = new Search(operator, wanted, device)
  let products = before?.at.products ?? 0
  const wallMs = () => (before?.at.wallMs ?? 0) + watch.elapsed
  const moment = () => {
    const { at, vectors } = search.moment()
    return { at: { search: at, products, wallMs: wallMs() }, vectors }
  }
  const found = (): TopEigenvalues => {
    const { complete, bytes } = search
    let pairs = search.wanted(search.pairs())
    if (vectors) pairs = search.lock(pairs)
    const order = listed(
      pairs.map(({ value }) => value),
      which,
      count,
    )
    const inOrder = order.map((place) => pairs[place]!)
    return {
      method: 'lanczos',
      values: inOrder.map(({ value }) => value),
      residuals: inOrder.map(({ residual }) => Math.max(residual, search.rounding)),
      converged: inOrder.map((pair) => search.converged(pair)),
      complete,
      vectors: vectors ? order.map((place) => search.vector(place)) : null,
      steps: products,
      // Asked for last: of streamed data it is known after the first product.
      passes: products * operator.passes,
      bytes,
      wallMs: wallMs(),
    }
  }
  const partial = () => (products === 0 ? null : found())
  const last = () => saves.keep(products, moment, true)
  try {
    if (before === null) search.start()
    else search.restore(before.at.search, before.vectors)
    let over = false
    while (!over && products < steps) {
      await saves.keep(products, moment)
      await watch.check(partial, last)
      over = await watch.during(() => search.step(), partial, last)
      products++
      watch.tick()
    }
    return found()
  } finally {
    search.dispose()
  }
}

/** What is saved of a run besides its vectors. */
interface Saved {
  readonly search: SearchState
  readonly products: number
  readonly wallMs: number
}
