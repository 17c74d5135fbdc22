import { SaltflatError } from '../errors.ts'
import { loadBinding, typed } from '../native/index.ts'
import { dot } from './dot.ts'

/** What a Hessian was found to be when it was checked, along two random directions, on the first batch. */
export interface SelfCheck {
  /** |⟨u, Hv⟩ − ⟨v, Hu⟩| over ‖Hu‖ + ‖Hv‖; signs are random, so exact products give about 1e-7. */
  readonly asymmetry: number
  /** ‖Hu − D‖ over the larger of ‖Hu‖ and ‖D‖, D the central difference of gradients; null with kinks, where it says nothing, and where D itself is the product. */
  readonly difference: number | null
  /** ‖D(δ) − D(2δ)‖ over ‖D‖: how far the difference itself is to be trusted; null with kinks. */
  readonly differenceError: number | null
}

/** A product of the batch that is looked at. */
export type Product = (v: Float32Array) => Float32Array

/** Stream of trace probes, whose first two serve. */
const stream = 2

const norm = (a: ArrayLike<number>) => Math.sqrt(dot(a, a))

/** ‖a − b‖ over the larger of the two norms; 0 of nothing. */
function apart(a: Float32Array, b: Float32Array): number {
  const scale = Math.max(norm(a), norm(b))
  return scale === 0 ? 0 : norm(a.map((value, i) => value - b[i]!)) / scale
}

/**
 * Refuses products that are not symmetric, or not what differences of gradients give where those can be trusted.
 * `differences` are D at δ and at 2δ, null where there are kinks.
 */
export function selfCheck(
  size: number,
  product: Product,
  differences: readonly [Product, Product] | null,
  exact = true,
): SelfCheck {
  const [u, v] = [0, 1].map((probe) =>
    typed(() => loadBinding().sample(0, 'rademacher', stream, 0, probe, 0, size)),
  ) as [Float32Array, Float32Array]
  const [Hu, Hv] = [product(u), product(v)]
  const scale = norm(Hu) + norm(Hv)
  const asymmetry = scale === 0 ? 0 : Math.abs(dot(u, Hv) - dot(v, Hu)) / scale
  if (differences === null) return judged({ asymmetry, difference: null, differenceError: null }, exact)
  const [near, far] = differences.map((one) => defined(one, u)) as [Float32Array | null, Float32Array | null]
  if (near === null || far === null) return judged({ asymmetry, difference: null, differenceError: null }, exact)
  return judged({ asymmetry, difference: exact ? apart(Hu, near) : null, differenceError: apart(near, far) }, exact)
}

/** Beside the weights a loss may not be defined, as a logarithm of them; that makes its Hessian at them no worse. */
function defined(difference: Product, u: Float32Array): Float32Array | null {
  try {
    return difference(u)
  } catch (error) {
    if (error instanceof SaltflatError && error.code === 'ERR_NOT_FINITE') return null
    throw error
  }
}

function judged(found: SelfCheck, exact: boolean): SelfCheck {
  const { asymmetry, difference, differenceError } = found
  const advice =
    "An operation in the loss has a wrong derivative, or a layer's state moves. Take method: 'difference', or check: false if you know why."
  // Differences are only as symmetric as they are right.
  if (exact && asymmetry > 1e-3) {
    throw new SaltflatError(
      'ERR_LOSS',
      `Expected a symmetric Hessian, received products that differ by ${asymmetry.toExponential(1)}. ${advice}`,
    )
  }
  if (difference !== null && difference > 0.05 + 5 * differenceError!) {
    throw new SaltflatError(
      'ERR_LOSS',
      `Expected products that agree with differences of gradients, received ones ${difference.toExponential(1)} apart. ${advice}`,
    )
  }
  return found
}
