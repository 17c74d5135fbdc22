import { invalid, knownKeys, oneOf, whole } from '../options.ts'
import { type LongRunOptions, Watch } from './lanczos.ts'
import { checkOperator, type Operator } from './operator.ts'
import { blockDots, namedBlocks, Probes, productNotFinite, productOf } from './probes.ts'
import { Saves } from './run-store.ts'
import { type Tallied, Tally, type TallyState } from './tally.ts'

/** Options of `diagonal`. */
export interface DiagonalOptions extends LongRunOptions {
  /** 'hutchinson', or 'exact': a product an element, for operators of up to 10,000. Default 'hutchinson'. */
  method?: 'hutchinson' | 'exact'
  /** Probes of ±1, each one product: 2 to 16,777,216. Default 32. */
  probes?: number
  /** Seed of the probes: a safe integer ≥ 0. Default 0. */
  seed?: number
}

/** An operator's diagonal, with its quality. */
export interface Diagonal {
  /** How it was taken. */
  readonly method: 'hutchinson-diagonal' | 'exact-diagonal'
  /** The diagonal, element by element. */
  readonly values: Float32Array
  /** Standard error of each; zeros where it is exact. */
  readonly standardErrors: Float32Array
  /** Sums of each block: its trace. Their errors know what the elements have in common. */
  readonly perLayer: Tallied['perLayer']
  /** Products taken. */
  readonly probes: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
  /** Milliseconds, those of a run that this one went on with included. */
  readonly wallMs: number
  /** Memory of the sums, in bytes. */
  readonly bytes: number
}

const names = ['method', 'probes', 'seed', 'checkpoint', 'signal', 'onProgress']
/** Elements that are worth a product each. */
const most = 10_000

/**
 * The diagonal of an operator: how curved the loss is along each single weight.
 *
 * 'hutchinson': the mean of z⊙Hz over probes z of ±1. Unbiased; the variance of element i is the sum of squares beside it
 * in its row, over the number of probes, so small elements beside large ones drown: read `standardErrors`. The probes are
 * those of `trace` with the same seed, and so the sum is its mean. 'exact': products with unit vectors. Memory of six
 * vectors. With a `checkpoint`, a run that was ended goes on to the bit where it was saved last; `probes` may have changed. It
 * holds the sums in f64: four vectors, or two for 'exact'. Throws ERR_NOT_FINITE for a product that is not finite;
 * AbortedError on the signal, with the estimate so far as `partial` (null before the second probe, and for 'exact');
 * ERR_STATE where the checkpoint is of another run; and whatever the operator and the store throw. Source: Bekas,
 * Kokiopoulou & Saad, Applied Numerical Mathematics 2007.
 *
 * @example
 * const { values, standardErrors } = await diagonal(hessian(model, x, y), { probes: 64 })
 * const { values: exact } = await diagonal(hessian(model, x, y), { method: 'exact' })
 */
export async function diagonal(operator: Operator, options: DiagonalOptions = {}): Promise<Diagonal> {
  checkOperator(operator)
  knownKeys('the options of diagonal', options, names)
  const { size } = operator
  const { method = 'hutchinson', probes = 32, seed = 0 } = options
  oneOf('method', method, ['hutchinson', 'exact'])
  whole('probes', probes, 2, 2 ** 24)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const exact = method === 'exact'
  if (exact && size > most) throw invalid(`an operator of at most ${most} elements for 'exact'`, size)
  const total = exact ? size : probes
  const blocks = namedBlocks(operator)
  const own = { size, blocks: blocks.length, method, seed }
  const saves = new Saves<Saved, Float64Array>(options.checkpoint, 'diagonal', own, 'Float64Array')
  const before = await saves.load()
  const watch = new Watch<Diagonal>(options, total, { done: before?.at.products ?? 0 })
  const random = new Probes(seed, 'rademacher', size)
  const means = new Float64Array(size)
  const squares = new Float64Array(exact ? 0 : size)
  const sums = exact ? [means] : [means, squares]
  const tally = new Tally(blocks)
  let products = before?.at.products ?? 0
  const wallMs = () => (before?.at.wallMs ?? 0) + watch.elapsed
  const found = (): Diagonal => {
    const values = Float32Array.from(means)
    const standardErrors = new Float32Array(size)
    if (exact) tally.know(blockDots(blocks, values, new Float32Array(size).fill(1)), true)
    else for (let i = 0; i < size; i++) standardErrors[i] = Math.sqrt(squares[i]! / (products - 1) / products)
    return {
      method: `${method}-diagonal`,
      values,
      standardErrors,
      perLayer: tally.estimate(undefined).perLayer,
      probes: products,
      passes: products * operator.passes,
      wallMs: wallMs(),
      bytes: means.byteLength + squares.byteLength,
    }
  }
  const moment = () => ({
    at: { tally: tally.state, products, wallMs: wallMs() },
    vectors: sums.map((one) => one.slice()),
  })
  const partial = () => (exact || products < 2 ? null : found())
  const last = () => saves.keep(products, moment, true)
  if (before !== null) {
    restore(sums, before.vectors)
    tally.restore(before.at.tally)
  }
  while (products < total) {
    await saves.keep(products, moment)
    await watch.check(partial, last)
    const z = exact ? new Float32Array(size) : random.at(products)
    if (exact) z[products] = 1
    const product = await watch.during(() => productOf(operator, z), partial, last)
    if (exact) {
      if (!Number.isFinite(product[products])) throw productNotFinite()
      means[products] = product[products]!
    } else {
      tally.add(blockDots(blocks, z, product))
      include(means, squares, products + 1, z, product)
    }
    products++
    watch.tick()
  }
  return found()
}

/** What is saved of a run besides its sums. */
interface Saved {
  readonly tally: TallyState
  readonly products: number
  readonly wallMs: number
}

function restore(sums: readonly Float64Array[], saved: readonly Float64Array[]): void {
  const lengths = (all: readonly Float64Array[]) => all.map(({ length }) => length)
  if (`${lengths(saved)}` !== `${lengths(sums)}`) {
    throw invalid(`vectors of ${lengths(sums)} sums in the checkpoint`, lengths(saved))
  }
  for (const [i, values] of saved.entries()) sums[i]!.set(values)
}

/** Mean and sum of squared deviations of each element, with sample number `count` (Welford 1962). */
function include(
  means: Float64Array,
  squares: Float64Array,
  count: number,
  z: Float32Array,
  product: Float32Array,
): void {
  const share = 1 / count
  for (let i = 0; i < means.length; i++) {
    const sample = z[i]! * product[i]!
    const before = sample - means[i]!
    means[i]! += before * share
    squares[i]! += before * (sample - means[i]!)
  }
}
