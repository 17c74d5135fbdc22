import { loadBinding, typed } from '../native/index.ts'
import { knownKeys, whole } from '../options.ts'
import { type RunOptions, Watch } from './lanczos.ts'
import { checked, checkOperator, type Operator } from './operator.ts'
import { spreadOf } from './spread.ts'

/** Options of `trace`. */
export interface TraceOptions extends RunOptions {
  /** Probes, each one product: 2 to 16,777,216. Default 32. */
  probes?: number
  /** Seed of the probes: a safe integer ≥ 0. Default 0. */
  seed?: number
}

/** An estimate of the trace, with its quality. */
export interface HutchinsonTrace {
  /** How it was taken. */
  readonly method: 'hutchinson'
  /** tr H. */
  readonly mean: number
  /** Standard error of `mean`. */
  readonly standardError: number
  /** The same for each block of the operator, which sum up to the whole. */
  readonly perLayer: readonly BlockTrace[]
  /** Probes taken. */
  readonly probes: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
}

/** The part of a trace that lies in one block. */
export interface BlockTrace {
  /** The block's name. */
  readonly name: string
  /** Sum of the diagonal within it. */
  readonly mean: number
  /** Standard error of `mean`. */
  readonly standardError: number
}

/** Stream of trace probes; see the design's table of streams. */
const stream = 2

/**
 * The trace of an operator by Hutchinson's estimator: the mean of zᵀHz over probes z of ±1.
 *
 * Unbiased; its variance is twice the sum of squares off the diagonal, over the number of probes. One product a probe,
 * and memory of three vectors. Probe j is a function of (seed, j) alone. Throws AbortedError on the signal, with the
 * estimate so far as `partial` (null before the second probe); and whatever the operator throws. Source: Hutchinson,
 * Communications in Statistics 1990.
 *
 * @example
 * const { mean, standardError, perLayer } = await trace(hessian(model, x, y), { probes: 64 })
 */
export async function trace(operator: Operator, options: TraceOptions = {}): Promise<HutchinsonTrace> {
  checkOperator(operator)
  knownKeys('the options of trace', options, ['probes', 'seed', 'signal', 'onProgress'])
  const { probes = 32, seed = 0 } = options
  whole('probes', probes, 2, 2 ** 24)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const { size, blocks = [{ name: 'all', size }] } = operator
  const samples: number[][] = []
  const watch = new Watch<HutchinsonTrace>(options, probes)
  for (let probe = 0; probe < probes; probe++) {
    await watch.check(() => (samples.length < 2 ? null : summed(operator, blocks, samples)))
    const z = typed(() => loadBinding().sample(seed, 'rademacher', stream, 0, probe, 0, size))
    const product = checked(await operator.matvec(z), size)
    let start = 0
    samples.push(
      blocks.map(({ size: length }) => {
        let dot = 0
        for (let i = start; i < start + length; i++) dot += z[i]! * product[i]!
        start += length
        return dot
      }),
    )
    watch.tick()
  }
  return summed(operator, blocks, samples)
}

function summed(
  { passes }: Operator,
  blocks: readonly { readonly name: string }[],
  samples: readonly number[][],
): HutchinsonTrace {
  const quality = (values: readonly number[]) => {
    const { mean, standardError } = spreadOf(values)
    return { mean, standardError }
  }
  return {
    method: 'hutchinson',
    ...quality(samples.map((row) => row.reduce((sum, value) => sum + value, 0))),
    perLayer: blocks.map(({ name }, i) => ({ name, ...quality(samples.map((row) => row[i]!)) })),
    probes: samples.length,
    passes: samples.length * passes,
  }
}
