import { loadBinding, typed } from '../native/index.ts'
import { knownKeys, number, whole } from '../options.ts'
import { dot } from './dot.ts'
import { AbortedError, type RunOptions, Watch } from './lanczos.ts'
import { checked, checkOperator, type Operator } from './operator.ts'
import { type TopEigenvalues, topEigenvalues } from './top-eigenvalues.ts'

/** Options of `publishedLambda1`. */
export interface PublishedLambda1Options extends RunOptions {
  /** Iterations at most, each one product: 1 to 1,000,000. Default 100, as published. */
  iterations?: number
  /** Relative change of the number at which it ends: ≥ 0. Default 1e-8, as published: about never, in float32. */
  tolerance?: number
  /** Seed of both starts: a safe integer ≥ 0. Default 0. */
  seed?: number
}

/** The published number, beside the eigenvalue that it is named after. */
export interface PublishedLambda1 {
  /** How it was found. */
  readonly method: 'layerwise-power-iteration'
  /** Σ vₗ·(Hv)ₗ at the last iteration, every vₗ of length 1. */
  readonly value: number
  /** The part of it in each block. */
  readonly perLayer: readonly LayerCurvature[]
  /** Whether the number came to rest. */
  readonly converged: boolean
  /** Iterations taken. */
  readonly iterations: number
  /** λ_max of the operator, by `topEigenvalues`, with its residual; null where an abort came before it. */
  readonly top: Pick<TopEigenvalues, 'values' | 'residuals' | 'converged'> | null
  /** Gradient evaluations spent, about, on both. */
  readonly passes: number
  /** Milliseconds it took. */
  readonly wallMs: number
}

/** What a block adds to the published number. */
export interface LayerCurvature {
  /** The block's name. */
  readonly name: string
  /** vₗ·(Hv)ₗ. */
  readonly value: number
}

/**
 * "λ₁" as the code published with noise stability optimization measures it, and the largest eigenvalue beside it.
 *
 * A power iteration that normalises the vector of each block by itself after a product with the whole operator,
 * vₗ ← (Hv)ₗ/‖(Hv)ₗ‖, and gives Σ vₗ·(Hv)ₗ. That is not λ_max: it is vᵀHv with every block of length 1, so v has length
 * √(blocks), and for a Hessian without negative eigenvalues its maximum lies between λ_max and blocks · λ_max. Use it to compare with
 * published figures, over the same layers (`hessian(…, { filter: 'kernel' })`), and `top` for everything else.
 *
 * One product an iteration, and those of `topEigenvalues`; memory of two vectors, and its. Starts are functions of the seed
 * alone. Throws AbortedError on the signal, with what there is as `partial`, and whatever the operator throws. Source: Ju, Li and
 * Zhang, arXiv 2306.08553, and its code.
 *
 * @example
 * const { value, top } = await publishedLambda1(hessian(model, x, y, { filter: 'kernel' }), { iterations: 20 })
 * console.log(value > top!.values[0]!) // → true
 */
export async function publishedLambda1(
  operator: Operator,
  options: PublishedLambda1Options = {},
): Promise<PublishedLambda1> {
  const begun = performance.now()
  checkOperator(operator)
  knownKeys('the options of publishedLambda1', options, ['iterations', 'tolerance', 'seed', 'signal', 'onProgress'])
  const { iterations = 100, tolerance = 1e-8, seed = 0, signal } = options
  whole('iterations', iterations, 1, 1_000_000)
  number('tolerance', tolerance, { min: 0 })
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const { size, blocks = [{ name: 'all', size }] } = operator
  const steps = Math.min(size, 100)
  const watch = new Watch<PublishedLambda1>(options, iterations + steps)
  let v = typed(() => loadBinding().sample(seed, 'gaussian', stream, 0, 0, 0, size))
  normalize(v, blocks)
  let parts: number[] = []
  let value = Number.NaN
  let [taken, converged] = [0, false]
  let top: TopEigenvalues | null = null
  const result = (): PublishedLambda1 => ({
    method: 'layerwise-power-iteration',
    value,
    perLayer: blocks.map(({ name }, i) => ({ name, value: parts[i]! })),
    ...{ converged, iterations: taken },
    top: top && { values: top.values, residuals: top.residuals, converged: top.converged },
    passes: taken * operator.passes + (top?.passes ?? 0),
    wallMs: performance.now() - begun,
  })
  const partial = () => (taken === 0 ? null : result())
  while (taken < iterations && !converged) {
    await watch.check(partial)
    const product = checked(await watch.during(() => operator.matvec(v.slice()), partial), size).slice()
    parts = stretches(blocks).map(([from, to]) => dot(v, product, from, to))
    const before = value
    value = parts.reduce((sum, one) => sum + one, 0)
    // As published: the change, relative to what it was.
    converged = Math.abs(value - before) / (Math.abs(before) + 1e-6) < tolerance
    normalize(product, blocks)
    v = product
    taken++
    watch.tick()
  }
  const search = () =>
    topEigenvalues(operator, {
      seed,
      steps: Math.max(steps, Math.min(size, 2)),
      onProgress: () => watch.tick(),
      ...(signal && { signal }),
    }).catch((error) => {
      if (error instanceof AbortedError) top = error.partial as TopEigenvalues | null
      throw error
    })
  top = await watch.during(search, result)
  return result()
}

/** Stream of starts; see the design's table of streams. */
const stream = 3

type Blocks = NonNullable<Operator['blocks']>

/** Where each block begins and ends. */
function stretches(blocks: Blocks): [number, number][] {
  let start = 0
  return blocks.map(({ size }) => {
    start += size
    return [start - size, start]
  })
}

/** Every block to length 1; one of zeros stays. */
function normalize(v: Float32Array, blocks: Blocks): void {
  for (const [from, to] of stretches(blocks)) {
    const length = Math.sqrt(dot(v, v, from, to))
    if (length > 0) for (let i = from; i < to; i++) v[i]! /= length
  }
}
