import type { Quadrature } from './spectral-density.ts'

/** Points of a grid that nobody chose: enough for a picture, and for a narrow width at most what PyHessian takes always. */
const [usual, most] = [1000, 10_000]
/** Parts of a cell at most: what lies where in it, to a thousandth, is nothing that a point could show. */
const finest = 999
/** Widths from a node beyond which a double of its Gaussian is 0. */
const reach = 39

/**
 * A grid over nodes, ascending, with room at both ends for what their Gaussians spread and for two steps. As many `points`
 * as are asked for, or as keep the step within the width.
 */
export function gridOver(lowest: number, highest: number, width: number, points?: number): number[] {
  const span = highest - lowest
  const count = points ?? Math.min(Math.max(Math.ceil(span / width) + 11, usual), most)
  // Nodes that are one, to float32, want points that are not.
  const least = 1e-9 * Math.max(Math.abs(lowest), Math.abs(highest))
  const room = Math.max(5 * width, (2 * span) / (count - 5), least)
  const [from, to] = [lowest - room, highest + room]
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1))
}

/**
 * Σ weight·N(node, width²) on an even grid. Where that is coarser than the width it would miss some Gaussians and hit others at
 * their tops; so each value is then the mean over its cell, one step wide, and the whole integrates to 1 as ever.
 */
export function curve({ nodes, weights }: Quadrature, grid: readonly number[], width: number): number[] {
  const step = grid[1]! - grid[0]!
  // An odd number, so that one part is around the point itself.
  const parts = 2 * Math.ceil((Math.min(step / width, finest) - 1) / 2) + 1
  const part = step / parts
  const narrow = parts === 1 ? width : Math.max(width, part)
  const scale = 1 / (narrow * Math.sqrt(2 * Math.PI) * parts)
  const near = (step - part) / 2 + reach * narrow
  return grid.map((at) => {
    let sum = 0
    for (const [i, node] of nodes.entries()) {
      if (Math.abs(at - node) > near) continue
      for (let k = 0; k < parts; k++) {
        const place = at + (k - (parts - 1) / 2) * part
        sum += weights[i]! * scale * Math.exp(-0.5 * ((place - node) / narrow) ** 2)
      }
    }
    return sum
  })
}
