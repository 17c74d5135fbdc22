// The twin of sequence.py: initial weights and gradients by integer formulas, exact in float32 on both sides.

/** Tensors of the oracles, in order. */
export const shapes: Readonly<Record<string, readonly number[]>> = {
  'oracle/kernel': [3, 4],
  'oracle/bias': [4],
  'oracle/stack': [2, 2, 3],
}

/** W of tensor n, element i: ((71n + 29i + 3i²) mod 101 − 50) / 32. */
export function weights(): Float32Array[] {
  return filled((n, i) => (((71 * n + 29 * i + 3 * i * i) % 101) - 50) / 32)
}

/** g of call t, tensor n, element i: ((31t² + 17ti + 7i² + 53n + 5i) mod 257 − 128) / 64 · 2^(t mod 5 − 2). */
export function gradients(t: number): Float32Array[] {
  const scale = 2 ** ((t % 5) - 2)
  return filled((n, i) => (((31 * t * t + 17 * t * i + 7 * i * i + 53 * n + 5 * i) % 257) - 128) * (scale / 64))
}

function filled(value: (n: number, i: number) => number): Float32Array[] {
  return Object.values(shapes).map((shape, n) =>
    Float32Array.from({ length: shape.reduce((size, dim) => size * dim, 1) }, (_, i) => value(n, i)),
  )
}
