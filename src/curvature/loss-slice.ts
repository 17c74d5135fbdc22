import type { Loss } from '../grads/evaluate.ts'
import type { Examples } from '../grads/examples.ts'
import { split } from '../grads/hessian-product.ts'
import { Landscape } from '../grads/landscape.ts'
import type { Model } from '../grads/model-loss.ts'
import type { Batches } from '../grads/stream.ts'
import { invalid, number, oneOf, whole } from '../options.ts'
import { directionsOf, spread, walk } from './directions.ts'
import { dot } from './dot.ts'
import { normalizeFilters } from './filter-normalization.ts'
import type { ModelHessianOptions, StreamHessianOptions } from './hessian.ts'
import { type RunOptions, Watch } from './lanczos.ts'
import type { Operator } from './operator.ts'
import { type LossSubjectOptions, type SubjectArguments, subjectOf } from './subject.ts'

/** Options of `lossSlice`, whatever it is taken of. */
export interface LossSliceOptions extends RunOptions {
  /**
   * One or two directions, flat over the variables that move, as `topEigenvalues` gives them with `vectors: true`; or
   * how many to draw at random. Default 1.
   */
  directions?: 1 | 2 | readonly Float32Array[]
  /** Names of the axes. Default 'direction 1' and 'direction 2'. */
  names?: readonly string[]
  /** Steps along each axis from −range to range, in lengths of the direction: > 0. Default 1. */
  range?: number
  /** Points along each axis, an odd number so that W is one of them: 3 to 10,001, or 1,001 for two axes. Default 51, or 25 for two axes. */
  points?: number
  /**
   * 'filter': each filter of a direction gets the norm of the weights' own, so that slices of several nets compare;
   * 'none': directions as they are. Default 'filter' for random ones, 'none' for those that are given.
   */
  normalize?: 'filter' | 'none'
  /**
   * What 'filter' makes of variables without filters (biases, gains and shifts of norms): 'zero', as published, or
   * 'normalize', each as one filter. Default 'zero'.
   */
  vectors?: 'zero' | 'normalize'
  /** Whether the expansion of second order is wanted beside the loss. Default true. */
  quadratic?: boolean
  /** Seed of random directions: a safe integer ≥ 0. Default 0. */
  seed?: number
}

/** Options of `lossSlice` of a model. */
export interface ModelLossSliceOptions extends LossSliceOptions, ModelHessianOptions {}

/** Options of `lossSlice` of a model on data in batches. */
export interface StreamLossSliceOptions extends LossSliceOptions, StreamHessianOptions {}

/** Options of `lossSlice` of a loss. */
export interface LossLossSliceOptions extends LossSliceOptions, LossSubjectOptions {}

/** The loss on a line or a plane through the weights. */
export interface LossSlice {
  /** How it was taken. */
  readonly method: 'loss-slice'
  /** One or two. */
  readonly axes: readonly SliceAxis[]
  /** f at each point, the first axis slowest; NaN or Infinity where it is, and NaN where nobody has been before an abort. */
  readonly loss: readonly number[]
  /** f(W) + slopes · s + ½ sᵀ curvatures s at the same points; null where it was not wanted. */
  readonly quadratic: readonly number[] | null
  /** ⟨∇f(W), d⟩ of each direction, as it was walked; null without `quadratic`. */
  readonly slopes: readonly number[] | null
  /** ⟨d, H d'⟩ of each two directions: one number, or four; null without `quadratic`. */
  readonly curvatures: readonly number[] | null
  /** 'filter' or 'none'. */
  readonly normalize: 'filter' | 'none'
  /** Loss evaluations over the data. */
  readonly evaluations: number
  /** Gradient evaluations spent, about: a loss counts as a third of one. */
  readonly passes: number
  /** Milliseconds it took. */
  readonly wallMs: number
}

/** One axis of a slice. */
export interface SliceAxis {
  /** What it is called. */
  readonly name: string
  /** Where points lie: multiples of the direction, ascending, 0 in the middle. */
  readonly at: readonly number[]
  /** ‖d‖ of the direction as it was walked. */
  readonly length: number
}

const names = [
  ...['directions', 'names', 'range', 'points', 'normalize', 'vectors', 'quadratic', 'seed', 'signal', 'onProgress'],
]

/**
 * The loss on a line or a plane through the weights, f(W + s·d) or f(W + s·d + t·d'), beside its expansion of second
 * order: along eigenvectors that is f(W) + ½λs² where the gradient is 0.
 *
 * Of a compiled model on data, f is the loss that `fit` would report, with layers as at inference; of a function, what
 * it returns. Data is what `hessian` takes: tensors, or batches that are streamed anew at each point, weighted by their
 * examples. Costs a loss over the data a point, and for the expansion one gradient and one product a direction; memory of two
 * copies of the weights more than the directions take. Random directions are functions of the seed alone (gaussian, of
 * stream 1, as the U of `noiseStability`). Weights, statistics and `tf.memory()` are as before, also after a throw, and
 * at every turn of the event loop meanwhile. Throws AbortedError on the signal, with what there is as `partial`;
 * ERR_SHAPE and ERR_NOT_FINITE for directions that are none; ERR_STATE where the weights were changed meanwhile; and
 * what `hessian` throws. Source: Li et al., NeurIPS 2018.
 *
 * @example
 * const { vectors } = await topEigenvalues(hessian(model, x, y), { count: 2, vectors: true })
 * const { axes, loss } = await lossSlice(model, x, y, { directions: vectors!, points: 5 })
 * console.log(axes[0]!.at, loss.length) // → [ -1, -0.5, 0, 0.5, 1 ] 25
 */
export function lossSlice(model: Model, x: Examples, y: Examples, options?: ModelLossSliceOptions): Promise<LossSlice>
export function lossSlice(model: Model, data: Batches, options?: StreamLossSliceOptions): Promise<LossSlice>
export function lossSlice(loss: Loss, options: LossLossSliceOptions): Promise<LossSlice>
export async function lossSlice(...args: SubjectArguments): Promise<LossSlice> {
  const begun = performance.now()
  const subject = await subjectOf<LossSliceOptions>('lossSlice', names, args)
  const { options, variables, data, mask } = subject
  const { directions: wanted = 1, range = 1, quadratic = true } = options
  const random = !Array.isArray(wanted)
  const { normalize = random ? 'filter' : 'none', vectors = 'zero' } = options
  number('range', range, { min: 0, open: true, max: 1e30 })
  oneOf('normalize', normalize, ['filter', 'none'])
  oneOf('vectors', vectors, ['zero', 'normalize'])
  if (typeof quadratic !== 'boolean') throw invalid('true or false for quadratic', quadratic)
  const landscape = new Landscape(variables, data)
  const directions = directionsOf(options, variables, mask)
  if (normalize === 'filter') {
    const moving = <T>(all: readonly T[]) => all.filter((_, i) => mask[i])
    for (const flat of directions) {
      const chosen = moving(variables)
      normalizeFilters(split(chosen, flat), moving(landscape.weights), chosen, vectors)
    }
  }
  const axes = axesOf(options, directions)
  const counts = axes.map(({ at }) => at.length)
  const loss = new Array<number>(counts.reduce((product, one) => product * one, 1)).fill(Number.NaN)
  const center = (loss.length - 1) / 2
  const place = (k: number) => (axes.length === 1 ? [k] : [Math.floor(k / counts[1]!), k % counts[1]!])
  const at = (k: number) => place(k).map((one, axis) => axes[axis]!.at[one]!)
  const watch = new Watch<LossSlice>(options, loss.length, { unit: 'evaluations' })
  let evaluations = 0
  let passes = 0
  let expansion: Expansion | null = null
  const result = (): LossSlice => ({
    method: 'loss-slice',
    axes,
    loss: [...loss],
    quadratic: expansion && loss.map((_, k) => expanded(loss[center]!, expansion!, at(k))),
    slopes: expansion?.slopes ?? null,
    curvatures: expansion?.curvatures ?? null,
    ...{ normalize, evaluations, passes: Math.ceil((evaluations * landscape.batches) / 3) + passes },
    wallMs: performance.now() - begun,
  })
  if (quadratic) {
    const operator = subject.hessian()
    expansion = await expand(landscape, operator, directions, mask, () => watch.check(() => null))
    passes = operator.passes * directions.length + landscape.batches
  }
  const out = landscape.weights.map((values) => values.slice())
  const parts = directions.map((flat) => spread(flat, variables, mask))
  // W first: the expansion stands on it, also in what an abort leaves.
  const order = [center, ...[...loss.keys()].filter((k) => k !== center)]
  for (const k of order) {
    walk(landscape.weights, parts, at(k), out)
    loss[k] = await landscape.at(out, () => watch.check(result))
    evaluations++
    watch.tick()
  }
  return result()
}

function axesOf(options: LossSliceOptions, directions: readonly Float32Array[]): SliceAxis[] {
  const { range = 1, points = directions.length === 1 ? 51 : 25 } = options
  const { names: titles = directions.map((_, i) => `direction ${i + 1}`) } = options
  whole('points', points, 3, directions.length === 1 ? 10_001 : 1_001)
  if (points % 2 === 0) throw invalid('an odd number of points', points)
  const fits = Array.isArray(titles) && titles.length === directions.length
  if (!fits || titles.some((one) => typeof one !== 'string')) {
    throw invalid(`${directions.length} strings for names`, titles)
  }
  const half = (points - 1) / 2
  const at = Array.from({ length: points }, (_, i) => ((i - half) / half) * range)
  return directions.map((flat, i) => ({ name: titles[i]!, at, length: Math.sqrt(dot(flat, flat)) }))
}

interface Expansion {
  readonly slopes: number[]
  readonly curvatures: number[]
}

/** ⟨∇f, d⟩ and ⟨d, Hd'⟩. */
async function expand(
  landscape: Landscape,
  operator: Operator,
  directions: readonly Float32Array[],
  mask: readonly boolean[],
  ask: () => Promise<void>,
): Promise<Expansion> {
  const gradient = await landscape.gradient(mask, ask)
  const products: Float32Array[] = []
  for (const one of directions) products.push(await operator.matvec(one))
  return {
    slopes: directions.map((one) => dot(gradient, one)),
    curvatures: directions.flatMap((one) => products.map((product) => dot(one, product))),
  }
}

function expanded(center: number, { slopes, curvatures }: Expansion, s: readonly number[]): number {
  const slope = s.reduce((sum, one, i) => sum + one * slopes[i]!, 0)
  const curve = s.reduce(
    (sum, a, i) => sum + s.reduce((row, b, j) => row + a * b * curvatures[i * s.length + j]!, 0),
    0,
  )
  return center + slope + curve / 2
}
