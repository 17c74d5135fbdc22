import type { Quadrature, SpectralDensity } from '../../src/curvature/spectral-density.ts'

/** ∫ |density − the mean of these quadratures, each node a Gaussian of this width|, over the density's grid. */
export function l1({ grid, density }: SpectralDensity, runs: readonly Quadrature[], width: number): number {
  const scale = 1 / (width * Math.sqrt(2 * Math.PI) * runs.length)
  const other = (at: number) =>
    runs.reduce(
      (all, { nodes, weights }) =>
        nodes.reduce((sum, node, i) => sum + weights[i]! * scale * Math.exp(-0.5 * ((at - node) / width) ** 2), all),
      0,
    )
  const step = grid[1]! - grid[0]!
  return grid.reduce((sum, at, i) => sum + Math.abs(density[i]! - other(at)) * step, 0)
}

/** A spectrum as a quadrature that is exact. */
export function exact(spectrum: readonly number[]): Quadrature {
  return { nodes: spectrum, weights: spectrum.map(() => 1 / spectrum.length) }
}
