import { SaltflatError } from '../errors.ts'
import type { Loss } from '../grads/evaluate.ts'
import type { Examples } from '../grads/examples.ts'
import { Landscape } from '../grads/landscape.ts'
import type { Model } from '../grads/model-loss.ts'
import type { Batches } from '../grads/stream.ts'
import { invalid, largest, number, oneOf, whole } from '../options.ts'
import type { Distribution } from '../types.ts'
import type { ModelHessianOptions, StreamHessianOptions } from './hessian.ts'
import { AbortedError, type RunOptions, Watch } from './lanczos.ts'
import { perturbBatch } from './perturb-batch.ts'
import { spreadOf } from './spread.ts'
import { type LossSubjectOptions, type SubjectArguments, subjectOf } from './subject.ts'
import { type HutchinsonTrace, trace } from './trace.ts'

/** Options of `noiseStability`, whatever it is taken of. */
export interface NoiseStabilityOptions extends RunOptions {
  /** Sizes of the noise, in units of the weights: each ≥ 0. */
  sigmas: readonly number[]
  /** Pairs ±U, the same at every size: 2 to 16,777,216. Default 20, as many draws as the published code takes. */
  samples?: number
  /** Seed of the noise and of the trace's probes: a safe integer ≥ 0. Default 0. */
  seed?: number
  /** Shape of U, of mean 0 and unit variance. Default 'gaussian'. */
  distribution?: Distribution
  /** Probes of the trace for the quadratic prediction: 2 to 16,777,216. Default 32. */
  probes?: number
  /** The trace if it is known, as `trace` gives it; false for no prediction. Default: estimated here. */
  trace?: Pick<HutchinsonTrace, 'mean' | 'standardError'> | false
}

/** Options of `noiseStability` of a model. */
export interface ModelNoiseStabilityOptions extends NoiseStabilityOptions, ModelHessianOptions {}

/** Options of `noiseStability` of a model on data in batches. */
export interface StreamNoiseStabilityOptions extends NoiseStabilityOptions, StreamHessianOptions {}

/** Options of `noiseStability` of a loss. */
export interface LossNoiseStabilityOptions extends NoiseStabilityOptions, LossSubjectOptions {}

/** How the loss rises under noise, with its quality. */
export interface NoiseStability {
  /** How it was taken. */
  readonly method: 'noise-stability'
  /** f(W). */
  readonly loss: number
  /** One for each sigma, in the order given. */
  readonly points: readonly StabilityPoint[]
  /** The trace behind the prediction; null where there is none. */
  readonly trace: Pick<HutchinsonTrace, 'mean' | 'standardError'> | null
  /** Shape of the noise. */
  readonly distribution: Distribution
  /** Loss evaluations over the data. */
  readonly evaluations: number
  /** Gradient evaluations spent, about: a loss counts as a third of one. */
  readonly passes: number
  /** Milliseconds it took. */
  readonly wallMs: number
}

/** The rise of the loss under noise of one size. */
export interface StabilityPoint {
  /** Size of the noise. */
  readonly sigma: number
  /** E f(W + σU) − f(W). */
  readonly mean: number
  /** Standard error of `mean`. */
  readonly standardError: number
  /** Pairs that it is the mean of. */
  readonly samples: number
  /** σ²/2 · tr H; null where no trace was wanted, or none is there yet. */
  readonly quadratic: number | null
  /** Standard error of `quadratic`, from that of the trace. */
  readonly quadraticError: number | null
}

const names = ['sigmas', 'samples', 'seed', 'distribution', 'probes', 'trace', 'signal', 'onProgress']

/**
 * How much the loss rises under noise in the weights, E f(W + σU) − f(W), beside what the Hessian predicts: σ²/2 · tr H.
 *
 * U has independent elements of mean 0 and variance 1. A sample is ½(f(W + σU) + f(W − σU)) − f(W), in which all odd terms
 * of the expansion cancel; on a quadratic it is σ²/2 · UᵀHU. Every sigma sees the same U (sample j of tensor n is
 * a function of seed, j and n, in stream 1), so the curve is smoother than its error bars, which are not independent.
 *
 * Of a compiled model on data, f is the loss that `fit` would report, with layers as at inference; of a function, what
 * it returns. Data is what `hessian` takes: tensors, or batches that are streamed anew at each evaluation, weighted by their
 * examples. Costs two losses over the data a sample and sigma, and three gradients a probe of the trace; memory of three
 * copies of the weights. f is computed in float32: a rise below about 1e-7 · f(W) is rounding. Weights, statistics and
 * `tf.memory()` are as before, also after a throw, and at every turn of the event loop meanwhile. Throws AbortedError on
 * the signal, with what there is as `partial` (null before the first pair at every sigma); ERR_NOT_FINITE where the loss is not
 * finite under the noise; ERR_STATE where the weights were changed meanwhile; and what `hessian` throws.
 *
 * @example
 * const { points } = await noiseStability(model, x, y, { sigmas: [0.01, 0.02], samples: 8 })
 * for (const { sigma, mean, quadratic } of points) console.log(sigma, mean < 1, quadratic! < 1) // → 0.01 true true 0.02 true true
 */
export function noiseStability(
  model: Model,
  x: Examples,
  y: Examples,
  options: ModelNoiseStabilityOptions,
): Promise<NoiseStability>
export function noiseStability(
  model: Model,
  data: Batches,
  options: StreamNoiseStabilityOptions,
): Promise<NoiseStability>
export function noiseStability(loss: Loss, options: LossNoiseStabilityOptions): Promise<NoiseStability>
export async function noiseStability(...args: SubjectArguments): Promise<NoiseStability> {
  const begun = performance.now()
  const subject = await subjectOf<NoiseStabilityOptions>('noiseStability', names, args)
  const { options, variables, mask, data, hessian } = subject
  const { sigmas, samples = 20, seed = 0, distribution = 'gaussian', probes = 32, trace: given } = options
  if (!Array.isArray(sigmas) || sigmas.length === 0) throw invalid('an array of sizes for sigmas', sigmas)
  for (const sigma of sigmas) number('each of sigmas', sigma, { min: 0, max: largest })
  whole('samples', samples, 2, 2 ** 24)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  oneOf('distribution', distribution, ['gaussian', 'rademacher', 'uniform', 'laplace'])
  whole('probes', probes, 2, 2 ** 24)
  checkTrace(given)
  const operator = given === undefined ? hessian() : null
  const [total, unit] = operator === null ? [0, 'evaluations'] : [probes, 'evaluations and products']
  const watch = new Watch<NoiseStability>(options, 2 * samples * sigmas.length + total, { unit })
  const landscape = new Landscape(variables, data)
  const { weights } = landscape
  const out = [0, 1].map(() => weights.map(({ length }) => new Float32Array(length)))
  const found: number[][] = sigmas.map(() => [])
  const loss = finite(await landscape.at(weights, () => watch.check(() => null)), 0)
  let evaluations = 1
  let known: HutchinsonTrace | Exclude<typeof given, false | undefined> | null = given || null
  const result = (): NoiseStability => ({
    method: 'noise-stability',
    loss,
    points: sigmas.map((sigma, i) => point(sigma, found[i]!, known)),
    trace: known && { mean: known.mean, standardError: known.standardError },
    distribution,
    evaluations,
    passes: Math.ceil((evaluations * landscape.batches) / 3) + (known !== null && 'passes' in known ? known.passes : 0),
    wallMs: performance.now() - begun,
  })
  const complete = () => (found.at(-1)!.length === 0 ? null : result())
  for (let j = 0; j < samples; j++) {
    for (const [i, sigma] of sigmas.entries()) {
      const scales = mask.map((moves) => (moves ? sigma : 0))
      perturbBatch(weights, { sigma: scales, seed, distribution, stream, first: j, out })
      let sum = 0
      for (const perturbed of out) {
        sum += finite(await landscape.at(perturbed, () => watch.check(complete)), sigma)
        evaluations++
        watch.tick()
      }
      found[i]!.push(sum / 2 - loss)
    }
  }
  if (operator === null) return result()
  const { signal } = options
  const estimate = () =>
    trace(operator, { probes, seed, ...(signal && { signal }), onProgress: () => watch.tick() }).catch((error) => {
      if (error instanceof AbortedError) known = error.partial as HutchinsonTrace | null
      throw error
    })
  known = await watch.during(estimate, result)
  return result()
}

/** Stream of stability estimates; see the design's table of streams. */
const stream = 1

function point(sigma: number, samples: readonly number[], trace: NoiseStability['trace']): StabilityPoint {
  const { mean, standardError } = spreadOf(samples)
  const half = sigma ** 2 / 2
  return {
    ...{ sigma, mean, standardError, samples: samples.length },
    quadratic: trace === null ? null : half * trace.mean,
    quadraticError: trace === null ? null : half * trace.standardError,
  }
}

function finite(loss: number, sigma: number): number {
  if (Number.isFinite(loss)) return loss
  throw new SaltflatError(
    'ERR_NOT_FINITE',
    `Expected a finite loss under noise of size ${sigma}, received ${loss}. Look for NaN in the data and log(0), or take smaller sigmas.`,
  )
}

function checkTrace(given: unknown): void {
  if (given === undefined || given === false) return
  const { mean, standardError } = (given ?? {}) as Partial<HutchinsonTrace>
  if (typeof given !== 'object' || given === null) throw invalid('an estimate, as trace gives it, or false', given)
  number('the mean of trace', mean)
  number('the standardError of trace', standardError, { min: 0 })
}
