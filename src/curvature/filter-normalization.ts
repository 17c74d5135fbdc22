/** What this file must know of a variable. */
export interface Shaped {
  readonly name: string
  readonly shape: readonly number[]
}

/**
 * Scales a direction filter by filter to the norm of the weights' own, in place: d ← d · ‖w‖/‖d‖ for each filter. Variables
 * without filters (biases, gains and shifts of norms) become 0, or count as one filter each. Source: Li et al.,
 * Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018.
 */
export function normalizeFilters(
  direction: readonly Float32Array[],
  weights: readonly Float32Array[],
  variables: readonly Shaped[],
  vectors: 'zero' | 'normalize',
): void {
  for (const [i, variable] of variables.entries()) {
    const [d, w] = [direction[i]!, weights[i]!]
    if (variable.shape.length < 2 && vectors === 'zero') d.fill(0)
    else scale(d, w, filtersOf(variable))
  }
}

/** Where filters lie in a flat variable: element e is of filter floor(e / inner) mod count. */
interface Filters {
  readonly count: number
  readonly inner: number
}

/**
 * A filter is what makes one output: a column, but a row of an embedding, and a plane of a depthwise kernel. Which kernel is
 * which, only the names that tfjs gives can tell: a transposed convolution that was named by hand counts by columns.
 */
function filtersOf({ name, shape }: Shaped): Filters {
  const { length } = shape
  if (length < 2) return { count: 1, inner: 1 }
  const last = shape[length - 1]!
  if (/embeddings(_\d+)?$/.test(name)) return { count: shape[0]!, inner: product(shape.slice(1)) }
  if (/depthwise_kernel/.test(name) && length === 4) return { count: shape[2]! * last, inner: 1 }
  if (/Conv[23]DTranspose/.test(name) && length >= 4) return { count: shape[length - 2]!, inner: last }
  return { count: last, inner: 1 }
}

function scale(d: Float32Array, w: Float32Array, { count, inner }: Filters): void {
  const squares = [d, w].map((values) => {
    const sums = new Float64Array(count)
    for (let e = 0; e < values.length; e++) sums[Math.floor(e / inner) % count]! += values[e]! ** 2
    return sums
  }) as [Float64Array, Float64Array]
  // A filter that the direction leaves alone has no length to be given.
  const factors = squares[0].map((square, filter) => (square === 0 ? 0 : Math.sqrt(squares[1][filter]! / square)))
  for (let e = 0; e < d.length; e++) d[e]! *= factors[Math.floor(e / inner) % count]!
}

const product = (sizes: readonly number[]) => sizes.reduce((all, one) => all * one, 1)
