import { loadBinding } from '../../native/index.ts'
import { pack, packedSize, packMeasurement } from './packed.ts'

/** How large a problem is, and what everything in it is drawn from. */
export interface ProblemSize {
  /** Rows of X, d. */
  readonly dimension: number
  readonly rank: number
  /** Measurements, m, and as many others for validation. */
  readonly measurements: number
  readonly seed: number
}

/** Linear measurements y = ⟨A, X⟩. */
export interface Measurements {
  /** Row i is the triangle of Aᵢ with its off-diagonals doubled: m by d(d + 1)/2. */
  readonly matrix: Float32Array
  readonly values: Float32Array
  /** Mean of y². */
  readonly meanSquare: number
}

/** A matrix X = U*U*ᵀ of low rank that is known by measurements only. */
export interface Problem extends ProblemSize {
  /** Triangle of X. */
  readonly truth: Float64Array
  /** ‖X‖_F */
  readonly norm: number
  /** Sum of the singular values of X: ‖U*‖². */
  readonly nuclearNorm: number
  /** The first U: d×d, standard gaussian. */
  readonly start: Float32Array
  readonly train: Measurements
  readonly validation: Measurements
}

/** Stream of data; see the design's table of streams. */
const stream = 4
/** Tensors of the draws: measurement i is perturbation i of its own. */
const draws = { truth: 0, start: 1, train: 2, validation: 3 } as const

/**
 * Draws a problem: U* of d×rank and the start of d×d standard gaussian, Aᵢ = (G + Gᵀ)/2 with G standard gaussian, no noise
 * on the values. The same bits for the same seed on every machine, up to the rounding of the values.
 */
export function draw(size: ProblemSize): Problem {
  const { dimension: d, rank, seed } = size
  const factor = gaussian(seed, draws.truth, 0, d * rank)
  const full = new Float64Array(d * d)
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      for (let k = 0; k < rank; k++) full[i * d + j]! += factor[i * rank + k]! * factor[j * rank + k]!
    }
  }
  const truth = new Float64Array(packedSize(d))
  pack(full, d, truth)
  return {
    ...size,
    truth,
    norm: Math.sqrt(full.reduce((sum, value) => sum + value * value, 0)),
    nuclearNorm: factor.reduce((sum, value) => sum + value * value, 0),
    start: gaussian(seed, draws.start, 0, d * d),
    train: measure(size, truth, draws.train),
    validation: measure(size, truth, draws.validation),
  }
}

function measure({ dimension: d, measurements, seed }: ProblemSize, truth: Float64Array, tensor: number): Measurements {
  const n = truth.length
  const matrix = new Float32Array(measurements * n)
  const values = new Float32Array(measurements)
  let squares = 0
  for (let i = 0; i < measurements; i++) {
    const row = matrix.subarray(i * n, (i + 1) * n)
    packMeasurement(gaussian(seed, tensor, i, d * d), d, row)
    let value = 0
    for (let k = 0; k < n; k++) value += row[k]! * truth[k]!
    values[i] = value
    squares += value * value
  }
  return { matrix, values, meanSquare: squares / measurements }
}

function gaussian(seed: number, tensor: number, index: number, length: number): Float32Array {
  return loadBinding().sample(seed, 'gaussian', stream, 0, index, tensor, length)
}
