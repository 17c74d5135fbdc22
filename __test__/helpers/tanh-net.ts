/**
 * A regression by one hidden layer of tanh in f64: f(W) = Σ (b·tanh(A·x + a) + c − y)²/2/examples. Its gradient is written out, its
 * Hessian that of differences of gradients.
 */
export class TanhNet {
  readonly size: number
  readonly #x: readonly (readonly number[])[]
  readonly #y: readonly number[]
  readonly #units: number

  constructor(x: readonly (readonly number[])[], y: readonly number[], units: number) {
    this.#x = x
    this.#y = y
    this.#units = units
    this.size = units * (x[0]!.length + 2) + 1
  }

  gradient(w: ArrayLike<number>): Float64Array {
    const [units, inputs] = [this.#units, this.#x[0]!.length]
    const [bias, out] = [units * inputs, units * (inputs + 1)]
    const gradient = new Float64Array(this.size)
    const hidden = new Float64Array(units)
    for (const [k, x] of this.#x.entries()) {
      let prediction = w[this.size - 1]!
      for (let u = 0; u < units; u++) {
        let sum = w[bias + u]!
        for (let i = 0; i < inputs; i++) sum += w[u * inputs + i]! * x[i]!
        hidden[u] = Math.tanh(sum)
        prediction += w[out + u]! * hidden[u]!
      }
      const error = (prediction - this.#y[k]!) / this.#x.length
      gradient[this.size - 1]! += error
      for (let u = 0; u < units; u++) {
        gradient[out + u]! += error * hidden[u]!
        const slope = error * w[out + u]! * (1 - hidden[u]! ** 2)
        gradient[bias + u]! += slope
        for (let i = 0; i < inputs; i++) gradient[u * inputs + i]! += slope * x[i]!
      }
    }
    return gradient
  }

  /** Rows of the Hessian, by central differences. */
  hessian(w: ArrayLike<number>): Float64Array[] {
    const step = 1e-5
    const rows = Array.from({ length: this.size }, (_, i) => {
      const [up, down] = [1, -1].map((sign) => {
        const moved = Float64Array.from(w)
        moved[i]! += sign * step
        return this.gradient(moved)
      })
      return up!.map((value, j) => (value - down![j]!) / (2 * step))
    })
    return rows.map((row, i) => row.map((value, j) => (value + rows[j]![i]!) / 2))
  }
}
