import { invalid, knownKeys, number, oneOf, whole } from '../options.ts'
import { deviceOf, type PlacedOptions } from './device.ts'
import type { Interval } from './interval.ts'
import { type LongRunOptions, Watch } from './lanczos.ts'
import { checkOperator, type Operator } from './operator.ts'
import { blockDots, namedBlocks, type ProbeDistribution, Probes, productOf } from './probes.ts'
import { Saves } from './run-store.ts'
import { Sketch, type SketchState } from './sketch.ts'
import { type BlockTrace, Tally, type TallyState } from './tally.ts'

/** Options of `trace`. */
export interface TraceOptions extends LongRunOptions, PlacedOptions {
  /** 'hutchinson', or 'hutch++', which first takes out what few directions explain. Default 'hutchinson'. */
  method?: 'hutchinson' | 'hutch++'
  /** Products at most: 2 to 16,777,216; for 'hutch++' at least 4, of which two thirds go into the sketch. Default 32. */
  probes?: number
  /** Elements of the probes: ±1, or normal, whose variance is larger. Default 'rademacher'. */
  distribution?: ProbeDistribution
  /** Stops before the last probe once standardError ≤ tolerance·|mean|, after 10 probes or more: > 0. Default: never. */
  tolerance?: number
  /** Seed of the probes: a safe integer ≥ 0. Default 0. */
  seed?: number
}

/** An estimate of the trace, with its quality. */
export interface HutchinsonTrace {
  /** How it was taken. */
  readonly method: 'hutchinson' | 'hutch++'
  /** tr H. */
  readonly mean: number
  /** Standard error of `mean`. */
  readonly standardError: number
  /** Covers tr H 95 times in 100: by Student's t, and Hall's correction for skewed samples. */
  readonly interval95: Interval
  /** Whether the standard error is within the tolerance; null where none was asked for. */
  readonly converged: boolean | null
  /** The same for each block of the operator, which sum up to the whole. */
  readonly perLayer: readonly BlockTrace[]
  /** Products taken. */
  readonly probes: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
  /** Milliseconds, those of a run that this one went on with included. */
  readonly wallMs: number
  /** Native memory of the sketch, or of probes drawn on a GPU, on both sides, in bytes; else 0. */
  readonly bytes: number
}

const names = [
  ...['method', 'probes', 'distribution', 'tolerance', 'seed'],
  ...['device', 'checkpoint', 'signal', 'onProgress'],
]
/**
 * The trace of an operator from products with random vectors.
 *
 * 'hutchinson': the mean of zᵀHz over probes z. Unbiased; for probes of ±1 its variance is twice the sum of squares off the
 * diagonal over the number of probes, for normal ones 2‖H‖²_F. Memory of three vectors.
 *
 * 'hutch++': a third of the products makes a sketch, whose orthonormal range Q holds the large eigenvalues; a third takes
 * tr QᵀHQ, exactly; the rest are Hutchinson's, of what Q leaves. Worth it where few eigenvalues make up most of ‖H‖_F: the
 * error then falls as 1/products and not as its root. Memory of a third of `probes` vectors more. Given the sketch the
 * estimate is unbiased and its samples independent, so their standard error is that of the whole, sketch and all. With
 * `tolerance` only the last third stops early.
 *
 * Probe j is a function of (seed, j) alone. Stopping by a tolerance picks lucky errors, so the interval covers a little less
 * often than it says. With a `checkpoint`, a run that was ended goes on to the bit where it was saved last, on whichever
 * device; `tolerance` may have changed, and without a sketch `probes` too. On a GPU lies the sketch, and with the device
 * 'cuda' it also draws what 'hutchinson' takes; with 'auto' the CPU does. Throws ERR_NOT_FINITE for a product that is not
 * finite; ERR_NO_DEVICE and ERR_CUDA for the device 'cuda'; AbortedError on the signal, with the estimate so far as
 * `partial` (null before the second sample); ERR_STATE where the checkpoint is of another run; and whatever the operator and
 * the store throw. Source: Hutchinson, Communications in Statistics 1990; Meyer, Musco, Musco & Woodruff, SOSA 2021.
 *
 * @example
 * const { mean, standardError, perLayer } = await trace(hessian(model, x, y), { probes: 64 })
 * const same = await trace(hessian(model, x, y), { method: 'hutch++', probes: 64, tolerance: 0.01 })
 */
export async function trace(operator: Operator, options: TraceOptions = {}): Promise<HutchinsonTrace> {
  checkOperator(operator)
  knownKeys('the options of trace', options, names)
  const { method = 'hutchinson', probes = 32, distribution = 'rademacher', tolerance, seed = 0 } = options
  oneOf('method', method, ['hutchinson', 'hutch++'])
  whole('probes', probes, 2, 2 ** 24)
  if (method === 'hutch++' && probes < 4) throw invalid("at least 4 probes for 'hutch++'", probes)
  oneOf('distribution', distribution, ['rademacher', 'gaussian'])
  if (tolerance !== undefined) number('tolerance', tolerance, { min: 0, open: true })
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const device = deviceOf(options)
  const { size } = operator
  const blocks = namedBlocks(operator)
  const directions = method === 'hutch++' ? Math.floor(probes / 3) : 0
  const own = { size, blocks: blocks.length, method, distribution, directions, seed }
  const saves = new Saves<Saved>(options.checkpoint, 'trace', own)
  const before = await saves.load()
  const watch = new Watch<HutchinsonTrace>(options, probes, { done: before?.at.products ?? 0 })
  // Without a sketch there are only probes to draw, which is worth a GPU to those alone who ask for one.
  const space = directions > 0 || device === 'cuda' ? new Sketch(operator, directions, device) : null
  const sketch = directions > 0 ? space : null
  const random = new Probes(seed, distribution, size, space?.basis)
  const tally = new Tally(blocks)
  let products = before?.at.products ?? 0
  const wallMs = () => (before?.at.wallMs ?? 0) + watch.elapsed
  const moment = () => {
    const { at = null, vectors = [] } = sketch?.moment() ?? {}
    return { at: { sketch: at, tally: tally.state, products, wallMs: wallMs() }, vectors }
  }
  const partial = () => (tally.count < 2 ? null : found())
  const last = () => saves.keep(products, moment, true)
  const product = async (v: Float32Array) => {
    await saves.keep(products, moment)
    await watch.check(partial, last)
    const result = await watch.during(() => productOf(operator, v), partial, last)
    products++
    watch.tick()
    return result
  }
  const found = (): HutchinsonTrace => ({
    method,
    ...tally.estimate(tolerance),
    probes: products,
    passes: products * operator.passes,
    wallMs: wallMs(),
    bytes: space?.bytes ?? 0,
  })
  try {
    if (before !== null) {
      tally.restore(before.at.tally)
      sketch?.restore(before.at.sketch!, before.vectors)
    }
    if (sketch !== null) tally.know(await sketch.take(random, product), sketch.spans)
    while (products < probes && !tally.done(tolerance)) {
      const z = random.left(tally.count)
      tally.add(blockDots(blocks, z, await product(z)))
    }
    return found()
  } finally {
    space?.dispose()
  }
}

/** What is saved of a run besides the vectors of its sketch. */
interface Saved {
  readonly sketch: SketchState | null
  readonly tally: TallyState
  readonly products: number
  readonly wallMs: number
}
