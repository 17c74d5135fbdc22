import { totalmem } from 'node:os'
import { SaltflatError } from '../errors.ts'
import { refuseDetached } from '../grads/vector-gradient.ts'
import { fromNative, loadBinding } from '../native/index.ts'
import { invalid, knownKeys, largest, number, oneOf, whole } from '../options.ts'
import type { Device, Distribution } from '../types.ts'
import { deviceOf } from './device.ts'

/** Options of `perturbBatch`. */
export interface PerturbBatchOptions {
  /** Size of the noise, in units of the weights: ≥ 0; or one for each tensor. 0 copies the weights. */
  sigma: number | readonly number[]
  /** Perturbations to draw: a whole number of 1 to 16,777,216. Default 1. */
  perturbations?: number
  /**
   * Number of the first one, so that a sequence can be drawn in several calls; all numbers are below 16,777,216.
   * Default 0.
   */
  first?: number
  /** 'both': W + σU, then W − σU of each perturbation; 'plus' or 'minus': one of the two. Default 'both'. */
  signs?: 'both' | 'plus' | 'minus'
  /** Seed of the noise: a safe integer ≥ 0. Default 0. */
  seed?: number
  /** Shape of U, of mean 0 and unit variance. Default 'gaussian'. */
  distribution?: Distribution
  /** Rounds of the generator, as for `nso`: 10, or 7, which is faster and draws other noise. Default 10. */
  rounds?: 7 | 10
  /** Stream of the noise, 0 to 255: 0 is that of training, 1 that of stability estimates. Default 1. */
  stream?: number
  /** Step of the noise, 0 to 2³² − 1: with stream 0 and an optimizer's seed, the U of that update. Default 0. */
  step?: number
  /**
   * Where the copies are made: 'cpu'; 'cuda', the first GPU of NVIDIA's; 'auto', the CPU too, for the way of a copy over the
   * bus takes longer than making it. The environment variable SALTFLAT_DEVICE overrides it. Default 'auto'.
   */
  device?: Device
  /**
   * Arrays to fill, as this function returns them; they must not share memory. A single copy may be made in the weights
   * themselves, with one of the signs: `out: [weights]`, for W ← W + σU in place. Default: fresh ones.
   */
  out?: readonly Float32Array[] | readonly (readonly Float32Array[])[]
}

const names = [
  ...['sigma', 'perturbations', 'first', 'signs', 'seed', 'distribution', 'rounds', 'stream', 'step', 'device', 'out'],
] as const

/**
 * Many perturbed copies W ± σUⱼ from one read of W: for stability curves and bounds, and for whoever evaluates several
 * of them at once.
 *
 * Element `i` of tensor `n` in Uⱼ is a function of (seed, stream, step, j, n, i) alone, the same on every machine and
 * with any number of threads. One array gives one array a copy; several (the tensors of a model, in the order of its
 * trainable weights) give as many a copy. Costs one draw a pair and one write a copy, and no gradient; in place a third
 * less memory is moved, what torch has as `w.add_(torch.randn_like(w), alpha=sigma)`. Throws
 * ERR_INVALID_ARGUMENT, ERR_DTYPE, ERR_SHAPE, ERR_OVERLAP, ERR_SHARED, ERR_DETACHED, ERR_EMPTY and ERR_OUT_OF_MEMORY;
 * nothing is written then. With the device 'cuda' also ERR_NO_DEVICE, and ERR_CUDA, where some copies may be written,
 * but not the weights. Should the addon itself fail on the CPU (ERR_PANIC), weights in place may be moved in part.
 *
 * @example
 * const [plus, minus] = perturbBatch(weights, { sigma: 0.01, perturbations: 100, seed: 7 }) // of 200
 * console.log(weights[0], plus![0]! + minus![0]!) // → 1 2
 */
export function perturbBatch(weights: Float32Array, options: PerturbBatchOptions): Float32Array[]
export function perturbBatch(weights: readonly Float32Array[], options: PerturbBatchOptions): Float32Array[][]
export function perturbBatch(
  weights: Float32Array | readonly Float32Array[],
  options: PerturbBatchOptions,
): Float32Array[] | Float32Array[][] {
  knownKeys('the options of perturbBatch', options, names)
  const { perturbations = 1, first = 0, signs = 'both', seed = 0, distribution = 'gaussian' } = options
  const { rounds = 10, stream = 1, step = 0 } = options
  const device = deviceOf(options)
  whole('perturbations', perturbations, 1, 2 ** 24)
  whole('first', first, 0, 2 ** 24 - perturbations)
  oneOf('signs', signs, ['both', 'plus', 'minus'])
  oneOf('distribution', distribution, ['gaussian', 'rademacher', 'uniform', 'laplace'])
  if (rounds !== 7 && rounds !== 10) throw invalid('7 or 10 for rounds', rounds)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  whole('stream', stream, 0, 255)
  whole('step', step, 0, 2 ** 32 - 1)
  const alone = ArrayBuffer.isView(weights)
  if (!alone && !Array.isArray(weights)) {
    throw invalid('a Float32Array, or an array of them, for the weights', weights)
  }
  // Array.from, since loops pass over what a sparse array lacks.
  const tensors: readonly Float32Array[] = alone ? [weights as Float32Array] : Array.from(weights)
  if (tensors.every((values) => values?.length === 0)) {
    for (const values of tensors) refuseDetached('the weights', values)
    throw new SaltflatError('ERR_EMPTY', 'Expected at least one element to perturb, received none.')
  }
  const scales = scalesOf(options.sigma, tensors.length)
  const copies = perturbations * (signs === 'both' ? 2 : 1)
  const out = outputs(options.out, copies, tensors, alone)
  try {
    const noise = { seed, distribution, rounds, stream, step, from: first, to: first + perturbations, signs }
    const { perturbBatch: fill, perturbInPlace } = loadBinding()
    if (copies === 1 && tensors.every((values, i) => values === out[0]![i])) {
      perturbInPlace(tensors as Float32Array[], scales, noise, { device })
    } else {
      fill(tensors as Float32Array[], scales, noise, out.flat(), { device })
    }
  } catch (error) {
    throw fromNative(error)
  }
  return alone ? out.map(([copy]) => copy!) : out
}

function scalesOf(sigma: unknown, tensors: number): Float32Array {
  if (!Array.isArray(sigma)) return new Float32Array(tensors).fill(number('sigma', sigma, { min: 0, max: largest }))
  if (sigma.length !== tensors) throw invalid(`one sigma for each of ${tensors} tensors`, sigma)
  return Float32Array.from(sigma, (one) => number('sigma', one, { min: 0, max: largest }))
}

/** The most arrays made in one call: beyond, the list itself would fill V8's heap, which ends the process. */
const most = 2 ** 20

/** Refuses copies that this machine cannot hold, before the first is made. */
function refuseTooMuch(copies: number, tensors: readonly Float32Array[]): void {
  const bytes = copies * tensors.reduce((sum, values) => sum + 4 * (values?.length ?? 0), 0)
  if (bytes <= totalmem() && copies * tensors.length <= most) return
  throw new SaltflatError(
    'ERR_OUT_OF_MEMORY',
    `Expected copies that fit in memory, received a wish for ${copies} of ${tensors.length} arrays, ${bytes} bytes. Ask for fewer at a time, by first and perturbations.`,
  )
}

/** The arrays of each copy. */
function outputs(
  given: PerturbBatchOptions['out'],
  copies: number,
  tensors: readonly Float32Array[],
  alone: boolean,
): Float32Array[][] {
  if (given === undefined) {
    refuseTooMuch(copies, tensors)
    try {
      return Array.from({ length: copies }, () => tensors.map((values) => new Float32Array(values?.length ?? 0)))
    } catch (cause) {
      throw new SaltflatError(
        'ERR_OUT_OF_MEMORY',
        `Could not allocate ${copies} copies of the weights. Ask for fewer at a time.`,
        { cause },
      )
    }
  }
  const each = Array.isArray(given) ? Array.from<unknown>(given) : []
  const lists = (alone ? each.map((one) => [one]) : each) as Float32Array[][]
  const complete = (copy: unknown) => Array.isArray(copy) && copy.length === tensors.length
  if (lists.length !== copies || !lists.every(complete)) {
    const content = alone ? '' : ` of ${tensors.length} tensors each`
    throw invalid(`arrays for ${copies} copies${content} for out`, given)
  }
  return lists
}
