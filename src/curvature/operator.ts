import { SaltflatError, shown } from '../errors.ts'
import { invalid, isFloat32Array, whole } from '../options.ts'

/** A symmetric linear map on flat vectors: all that the algorithms know of a Hessian. */
export interface Operator {
  /** Length of the vectors. */
  readonly size: number
  /** Hv, a fresh array; v is only read, and not kept: the next product may find it with other numbers. */
  matvec(v: Float32Array): Float32Array | Promise<Float32Array>
  /** Stretches of the vector that belong together, in order: a model's variables. Absent: one. */
  readonly blocks?: readonly Block[]
  /** Gradient evaluations that a product costs, about; 0 where that means nothing. */
  readonly passes: number
  /** The diagonal block of a number, where that is cheaper than the product with all of the vector; see `blocksOf`. */
  readonly block?: (index: number) => Operator
}

/** One of them. */
export interface Block {
  /** A variable's name. */
  readonly name: string
  /** Elements in it. */
  readonly size: number
}

/**
 * An operator from a product of your own: a dense matrix, a sum of operators, another framework's Hessian.
 *
 * `product` may return a promise; it gets an array that it must not keep, and gives a fresh one of the same length.
 *
 * @example
 * const H = fromMatvec(3, (v) => Float32Array.of(2 * v[0]!, v[1]!, 0))
 */
export function fromMatvec(size: number, product: (v: Float32Array) => Float32Array | Promise<Float32Array>): Operator {
  whole('size', size, 1, 2 ** 31 - 1)
  if (typeof product !== 'function') throw invalid('a function of a Float32Array for product', product)
  return { size, passes: 0, matvec: async (v) => checked(await product(v), size) }
}

/** What a product gave, if it is one; or `what` it was given. */
export function checked(found: unknown, size: number, what = 'a product'): Float32Array {
  if (!isFloat32Array(found)) {
    throw new SaltflatError('ERR_DTYPE', `Expected ${what} in a Float32Array, received ${shown(found)}.`)
  }
  if (found.length !== size) {
    throw new SaltflatError('ERR_SHAPE', `Expected ${what} of ${size} elements, received ${found.length}.`)
  }
  return found
}

/** Refuses what is no operator. */
export function checkOperator(operator: unknown): asserts operator is Operator {
  const { size, matvec, passes, blocks } = (operator ?? {}) as Partial<Operator>
  if (typeof matvec !== 'function') {
    throw invalid('an operator such as hessian(model, x, y) or fromMatvec(size, product)', operator)
  }
  whole('the size of the operator', size, 1, 2 ** 31 - 1)
  whole('the passes of the operator', passes, 0, Number.MAX_SAFE_INTEGER)
  if (blocks === undefined) return
  const sizes = Array.isArray(blocks) ? (blocks as Block[]).map((one) => one?.size) : []
  const sum = sizes.reduce((total, one) => total + whole('the size of a block', one, 0, 2 ** 31 - 1), 0)
  if (sum !== size) throw invalid(`blocks of ${size} elements in all for the operator`, sum)
}
