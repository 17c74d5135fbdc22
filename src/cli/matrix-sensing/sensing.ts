import { matMul, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core'
import type { VectorGradient } from '../../index.ts'
import type { Measures } from '../../report/matrix-sensing.ts'
import { pack, packedSize, unpackDoubled } from './packed.ts'
import type { Measurements, Problem } from './problem.ts'

/**
 * The loss of a U, f(U) = (1/4m)·Σ rᵢ² with rᵢ = ⟨Aᵢ, UUᵀ⟩ − yᵢ, on the active tfjs backend. A gradient reads the
 * measurements twice, as a matrix times a vector each time, and is bound by memory: 100 MB for d = 100, m = 2,500.
 */
export class Sensing {
  readonly #problem: Problem
  readonly #train: Tensor2D
  readonly #validation: Tensor2D
  // Reused at every call: tensors made on them are gone before the next one.
  readonly #triangle: Float32Array
  readonly #symmetric: Float32Array
  readonly #residuals: Float32Array

  constructor(problem: Problem) {
    const { dimension: d, measurements } = problem
    const shape: [number, number] = [measurements, packedSize(d)]
    this.#problem = problem
    this.#train = tensor2d(problem.train.matrix, shape)
    this.#validation = tensor2d(problem.validation.matrix, shape)
    this.#triangle = new Float32Array(packedSize(d))
    this.#symmetric = new Float32Array(d * d)
    this.#residuals = new Float32Array(measurements)
  }

  /** f and its gradient (1/m)·Σ rᵢAᵢU: what `minimize` takes. */
  readonly gradient: VectorGradient = (u) => {
    const { dimension: d, measurements: m, train } = this.#problem
    let loss = 0
    let gradient: Float32Array = this.#symmetric
    // Nothing is returned from `tidy`, which would look for tensors in every element of an array.
    tidy(() => {
      const factor = tensor2d(u, [d, d])
      loss = this.#residualsOf(factor, this.#train, train) / (4 * m)
      const sums = matMul(this.#train, tensor2d(this.#residuals, [m, 1]), true)
      unpackDoubled(sums.dataSync() as Float32Array, d, 1 / m, this.#symmetric)
      gradient = matMul(tensor2d(this.#symmetric, [d, d]), factor).dataSync() as Float32Array
    })
    return { loss, gradient }
  }

  /** How good a U is. */
  measures(u: Float32Array): Measures {
    const { dimension: d, measurements: m, truth, norm, nuclearNorm, train, validation } = this.#problem
    let [onTrain, onValidation] = [0, 0]
    tidy(() => {
      const factor = tensor2d(u, [d, d])
      onTrain = this.#residualsOf(factor, this.#train, train)
      onValidation = this.#residualsOf(factor, this.#validation, validation)
    })
    return {
      validation: onValidation / m / validation.meanSquare,
      trainMse: onTrain / m / train.meanSquare,
      distance: distance(this.#triangle, truth, d) / norm,
      size: u.reduce((sum, value) => sum + value * value, 0) / nuclearNorm,
    }
  }

  dispose(): void {
    this.#train.dispose()
    this.#validation.dispose()
  }

  /** Leaves UUᵀ in the triangle and r in the residuals; returns Σ r². */
  #residualsOf(factor: Tensor2D, matrix: Tensor2D, { values }: Measurements): number {
    const { dimension: d } = this.#problem
    pack(matMul(factor, factor, false, true).dataSync(), d, this.#triangle)
    const measured = matMul(matrix, tensor2d(this.#triangle, [this.#triangle.length, 1])).dataSync()
    let squares = 0
    for (let i = 0; i < values.length; i++) {
      const residual = measured[i]! - values[i]!
      this.#residuals[i] = residual
      squares += residual * residual
    }
    return squares
  }
}

/** ‖A − B‖_F of two triangles: what is off the diagonal counts twice. */
function distance(a: Float32Array, b: Float64Array, d: number): number {
  let squares = 0
  for (let i = 0, k = 0; i < d; i++) {
    for (let j = i; j < d; j++, k++) squares += (i === j ? 1 : 2) * (a[k]! - b[k]!) ** 2
  }
  return Math.sqrt(squares)
}
