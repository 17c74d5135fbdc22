import { fromMatvec, type Operator } from 'saltflat'
import type { Work } from './harness/question.ts'

// The matrix that questions about curvature ask of: a diagonal one in place of a Hessian, so that products cost little.

type Product = (v: Float32Array) => Float32Array

/** Ten outliers 50·0.7ⁱ over a bulk in [−0.02, 0.3]. */
export function spectrum(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (i < 10 ? 50 * 0.7 ** i : -0.02 + (0.32 * i) / (size - 1)))
}

/** The product with a diagonal matrix, in the array that `room` gives. */
export function diagonal(values: Float32Array, room: () => Float32Array): Product {
  return (v) => {
    const out = room()
    for (let i = 0; i < v.length; i++) out[i] = values[i]! * v[i]!
    return out
  }
}

/** It as an operator. */
export function operator(size: number): Operator {
  return fromMatvec(size, fresh(size))
}

/** The product with it, in a new array. */
export function fresh(size: number): Product {
  return diagonal(spectrum(size), () => new Float32Array(size))
}

/** What a run takes besides its products, which are no part of the iteration; torch's side has the same clock. */
export function besides<V>(product: (v: V) => V, made: (timed: (v: V) => V) => { run(): void | Promise<void> }): Work {
  let products = 0
  const { run } = made((v) => {
    const begun = performance.now()
    const found = product(v)
    products += performance.now() - begun
    return found
  })
  return {
    async value() {
      const [begun, before] = [performance.now(), products]
      await run()
      return (performance.now() - begun - (products - before)) * 1e6
    },
  }
}

/** One process a contestant, and calls of seconds that take gigabytes: few rounds. */
export function pace(quick: boolean, rounds: number): { rounds: number; budget: number; wake: boolean } {
  return { rounds: quick ? 2 : rounds, budget: quick ? 1 : 50, wake: !quick }
}
