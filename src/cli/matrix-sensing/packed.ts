// Symmetric d×d matrices as their upper triangle, row by row: d(d + 1)/2 numbers, half of what the products read.

/** Numbers in the triangle of a d×d matrix. */
export function packedSize(d: number): number {
  return (d * (d + 1)) / 2
}

/** out ← the upper triangle of a symmetric d×d matrix. */
export function pack(matrix: ArrayLike<number>, d: number, out: Float32Array | Float64Array): void {
  let k = 0
  for (let i = 0; i < d; i++) for (let j = i; j < d; j++) out[k++] = matrix[i * d + j]!
}

/**
 * out ← the triangle of G + Gᵀ with its diagonal halved. That is A = (G + Gᵀ)/2 with its off-diagonals doubled, so that
 * its product with the triangle of a symmetric X is ⟨A, X⟩.
 */
export function packMeasurement(g: Float32Array, d: number, out: Float32Array): void {
  let k = 0
  for (let i = 0; i < d; i++) {
    out[k++] = g[i * d + i]!
    for (let j = i + 1; j < d; j++) out[k++] = g[i * d + j]! + g[j * d + i]!
  }
}

/** out ← factor times the symmetric matrix whose triangle has its off-diagonals doubled. */
export function unpackDoubled(triangle: Float32Array, d: number, factor: number, out: Float32Array): void {
  let k = 0
  for (let i = 0; i < d; i++) {
    out[i * d + i] = factor * triangle[k++]!
    for (let j = i + 1; j < d; j++) out[i * d + j] = out[j * d + i] = 0.5 * factor * triangle[k++]!
  }
}
