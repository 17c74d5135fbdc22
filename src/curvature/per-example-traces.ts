import type { Examples } from '../grads/examples.ts'
import { hessianProduct } from '../grads/hessian-product.ts'
import type { Batch, Model } from '../grads/model-loss.ts'
import { inBatches } from '../grads/stream.ts'
import { loadBinding, typed } from '../native/index.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import type { ModelHessianOptions } from './hessian.ts'
import { type RunOptions, Watch } from './lanczos.ts'
import { spreadOf } from './spread.ts'
import { subjectOf } from './subject.ts'

/** Options of `perExampleTraces`. */
export interface PerExampleTracesOptions extends RunOptions, Pick<ModelHessianOptions, 'filter' | 'training'> {
  /** Probes of each example, each one product: 2 to 16,777,216 in all. Default 8. */
  probes?: number
  /** Seed of the probes: a safe integer ≥ 0. Default 0. */
  seed?: number
}

/** Estimates of the traces of single examples, with their quality. */
export interface PerExampleTraces {
  /** How they were taken. */
  readonly method: 'hutchinson-per-example'
  /** In the order of the examples; only the first ones after an abort. */
  readonly examples: readonly ExampleTrace[]
  /** The example whose estimate is largest. */
  readonly largest: ExampleTrace & {
    /** Its place. */
    readonly index: number
  }
  /** Mean over the examples: the trace of their mean loss. */
  readonly mean: number
  /** Standard error of `mean` as an estimate of just that. */
  readonly standardError: number
  /** Probes an example. */
  readonly probes: number
  /** Gradient evaluations spent, about, each of one example. */
  readonly passes: number
  /** Milliseconds it took. */
  readonly wallMs: number
}

/** The trace of one example. */
export interface ExampleTrace {
  /** tr ∇²ℓ of the example's own loss. */
  readonly mean: number
  /** Standard error of `mean`. */
  readonly standardError: number
}

const names = ['probes', 'seed', 'filter', 'training', 'signal', 'onProgress']

/**
 * The trace of the Hessian of each example's own loss, by Hutchinson's estimator: what `traceBound` needs the largest of.
 *
 * One product an example and probe, of about three gradients of a batch of one: dear, so take a sample of the data.
 * `largest` estimates a maximum, and on two counts is not it: among noisy estimates the largest is more likely too large,
 * by some standard errors, and examples that were not looked at may have larger traces. The loss of an example is that
 * which `fit` would report for it alone, regularizers included. Probe p of example e is a function of
 * (seed, e · probes + p) alone. Weights, statistics and memory are as before. Throws AbortedError on the signal, with
 * the examples so far as `partial` (null before the first is done), and what `hessian` throws.
 *
 * @example
 * const { largest, mean } = await perExampleTraces(model, x, y, { probes: 4 })
 * console.log(largest.mean > mean) // → true
 */
export async function perExampleTraces(
  model: Model,
  x: Examples,
  y: Examples,
  options: PerExampleTracesOptions = {},
): Promise<PerExampleTraces> {
  const begun = performance.now()
  knownKeys('the options of perExampleTraces', options, names)
  const { probes = 8, seed = 0 } = options
  whole('probes', probes, 2, 2 ** 24)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (typeof model === 'function') throw invalid('a compiled model', model)
  if (inBatches(x)) throw invalid('tensors of examples', x)
  const args = [model, x, y, { ...options, batchSize: 1 }] as const
  const { variables, mask, data } = await subjectOf<PerExampleTracesOptions>('perExampleTraces', names, args)
  const batches = data as readonly Batch[]
  whole('probes of all examples', probes * batches.length, 2, 2 ** 24)
  const chosen = variables.filter((_, i) => mask[i])
  const size = chosen.reduce((sum, one) => sum + one.size, 0)
  const watch = new Watch<PerExampleTraces>(options, probes * batches.length)
  const found: ExampleTrace[] = []
  let products = 0
  const result = (): PerExampleTraces => {
    const largest = found.reduce((best, one, i) => (one.mean > found[best]!.mean ? i : best), 0)
    return {
      method: 'hutchinson-per-example',
      examples: [...found],
      largest: { ...found[largest]!, index: largest },
      mean: found.reduce((sum, one) => sum + one.mean, 0) / found.length,
      standardError: Math.sqrt(found.reduce((sum, one) => sum + one.standardError ** 2, 0)) / found.length,
      ...{ probes, passes: 3 * products, wallMs: performance.now() - begun },
    }
  }
  for (const [example, { loss }] of batches.entries()) {
    const samples: number[] = []
    for (let probe = 0; probe < probes; probe++) {
      await watch.check(() => (found.length === 0 ? null : result()))
      const j = example * probes + probe
      const z = typed(() => loadBinding().sample(seed, 'rademacher', stream, 0, j, 0, size))
      const product = hessianProduct(loss, chosen, z)
      samples.push(product.reduce((sum, one, i) => sum + one * z[i]!, 0))
      products++
      watch.tick()
    }
    const { mean, standardError } = spreadOf(samples)
    found.push({ mean, standardError })
  }
  return result()
}

/** Stream of trace probes; see the design's table of streams. */
const stream = 2
