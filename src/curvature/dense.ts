import { SaltflatError } from '../errors.ts'
import { knownKeys, notFinite } from '../options.ts'
import { type RunOptions, Watch } from './lanczos.ts'
import { checked, checkOperator, type Operator } from './operator.ts'

/** The matrix of an operator, with its quality. */
export interface DenseOperator {
  /** How it was taken. */
  readonly method: 'dense'
  /** Rows and columns. */
  readonly size: number
  /** The elements, row by row, of (A + Aᵀ)/2. */
  readonly values: Float32Array
  /** The largest |Aᵢⱼ − Aⱼᵢ| over the largest |Aᵢⱼ|: 0 of what is symmetric to the last bit, about 1e-6 of a Hessian. */
  readonly asymmetry: number
  /** Gradient evaluations spent, about. */
  readonly passes: number
  /** Time spent, in milliseconds. */
  readonly wallMs: number
}

const largestSize = 16_384

/**
 * The matrix of a small operator, to look at, or to give to another library: one product a column.
 *
 * Memory of size² floats, so sizes up to 16,384. Throws ERR_UNSUPPORTED for larger ones; AbortedError on the signal, with
 * null as `partial`; ERR_NOT_FINITE; and whatever the operator throws.
 *
 * @example
 * const { values, asymmetry } = await dense(fromMatvec(2, (v) => Float32Array.of(2 * v[0]!, v[1]!)))
 * console.log(values, asymmetry) // → Float32Array(4) [ 2, 0, 0, 1 ] 0
 */
export async function dense(operator: Operator, options: RunOptions = {}): Promise<DenseOperator> {
  checkOperator(operator)
  knownKeys('the options of dense', options, ['signal', 'onProgress'])
  const { size } = operator
  if (size > largestSize) {
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected an operator of size ${largestSize} at most for its matrix, received ${size}. Take trace, topEigenvalues or spectralDensity.`,
    )
  }
  const begun = performance.now()
  const watch = new Watch<DenseOperator>(options, size)
  const values = new Float32Array(size * size)
  for (let row = 0; row < size; row++) {
    await watch.check(() => null)
    const unit = new Float32Array(size)
    unit[row] = 1
    // A symmetric matrix has its columns for rows.
    values.set(checked(await operator.matvec(unit), size), row * size)
    watch.tick()
  }
  if (notFinite(values) >= 0) {
    throw new SaltflatError('ERR_NOT_FINITE', 'Expected finite products, received NaN or Infinity in one.')
  }
  const asymmetry = symmetrised(values, size)
  return { method: 'dense', size, values, asymmetry, passes: size * operator.passes, wallMs: performance.now() - begun }
}

/** Makes it symmetric, and says how far it was from that. */
function symmetrised(values: Float32Array, size: number): number {
  let [largest, apart] = [0, 0]
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) {
      const [a, b] = [values[i * size + j]!, values[j * size + i]!]
      largest = Math.max(largest, Math.abs(a), Math.abs(b))
      apart = Math.max(apart, Math.abs(a - b))
      values[i * size + j] = (a + b) / 2
      values[j * size + i] = (a + b) / 2
    }
  }
  return largest === 0 ? 0 : apart / largest
}
