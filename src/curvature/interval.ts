/** A 95 % confidence interval: the two ends. */
export type Interval = readonly [number, number]

/** Share of the distribution between the ends. */
const level = 0.95
/** Panels of Simpson's rule, an even number: more changes no digit that counts. */
const panels = 400

/**
 * mean ± t·standardError with Student's t for so many degrees of freedom (samples − 1; they need not be whole), for a
 * standard error is itself an estimate. Where a few large eigenvalues rule, samples of zᵀHz are skewed, and so is their mean:
 * most lie a little low, a few far too high. `skewness`, that of the mean, moves both ends towards where such a mean misses,
 * by Hall's cubic transformation (Hall, J. R. Statist. Soc. B 1992).
 */
export function interval95(mean: number, standardError: number, degrees: number, skewness = 0): Interval {
  if (standardError === 0) return [mean, mean]
  if (!(degrees > 0)) return [-Infinity, Infinity]
  const t = studentQuantile(degrees)
  const reach = (y: number) =>
    // A root of nearly 1 loses its digits, and does nothing.
    Math.abs(skewness) < 1e-6 ? y : (3 / skewness) * (Math.cbrt(1 + skewness * (y - skewness / 6)) - 1)
  return [mean - reach(t) * standardError, mean - reach(-t) * standardError]
}

const known = new Map<number, number>()

/** The t that 95 % of Student's distribution lie within ±, for degrees ≥ 1. */
export function studentQuantile(degrees: number): number {
  const found = known.get(degrees) ?? solved(degrees)
  if (known.size < 1000) known.set(degrees, found)
  return found
}

/** With t = √ν·tan θ the density is cosᵛ⁻¹θ, whose integral Newton's method brings from below to its share of the whole. */
function solved(degrees: number): number {
  const density = (theta: number) => Math.cos(theta) ** (degrees - 1)
  const integral = (to: number) => {
    const step = to / panels
    let sum = density(0) + density(to)
    for (let i = 1; i < panels; i++) sum += (i % 2 === 1 ? 4 : 2) * density(i * step)
    return (sum * step) / 3
  }
  // Beyond 12/√ν lies nothing that a double could tell.
  const share = level * integral(Math.min(Math.PI / 2, 12 / Math.sqrt(degrees)))
  let theta = 0
  for (let round = 0; round < 60; round++) {
    const change = (share - integral(theta)) / density(theta)
    theta += change
    if (change < 1e-14) break
  }
  return Math.sqrt(degrees) * Math.tan(theta)
}
