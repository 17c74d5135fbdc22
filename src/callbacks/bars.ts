import type { SpectralDensity } from '../curvature/spectral-density.ts'
import { SaltflatError } from '../errors.ts'
import type { Bars } from '../io/summary.ts'
import { invalid } from '../options.ts'

/** As many as TensorBoard draws. */
const count = 30

/** Bars of equal width over values, or over a spectrum: its nodes, each as much as its weight, the runs together 1. */
export function barsOf(of: ArrayLike<number> | SpectralDensity): Bars {
  const points = pointsOf(of)
  if (points.length === 0) throw new SaltflatError('ERR_EMPTY', 'Expected at least one value, received none.')
  if (!points.every(([value, weight]) => Number.isFinite(value) && Number.isFinite(weight))) {
    throw new SaltflatError('ERR_NOT_FINITE', 'Expected finite values for a histogram, received NaN or Infinity.')
  }
  let [min, max, sum, sumOfSquares] = [Infinity, -Infinity, 0, 0]
  for (const [value, weight] of points) {
    min = Math.min(min, value)
    max = Math.max(max, value)
    sum += weight * value
    sumOfSquares += weight * value ** 2
  }
  const width = (max - min) / count
  // A single value gets a bar that it is in the middle of.
  if (width === 0) {
    const total = points.reduce((all, [, weight]) => all + weight, 0)
    const half = Math.max(Math.abs(min), 1) * 1e-3
    return { min: min - half, max: max + half, sum, sumOfSquares, limits: [min - half, max + half], counts: [0, total] }
  }
  const counts = new Array<number>(count).fill(0)
  for (const [value, weight] of points) counts[Math.min(Math.floor((value - min) / width), count - 1)]! += weight
  const limits = counts.map((_, i) => (i === count - 1 ? max : min + (i + 1) * width))
  return { min, max, sum, sumOfSquares, limits, counts }
}

function pointsOf(of: ArrayLike<number> | SpectralDensity): [value: number, weight: number][] {
  if (Array.isArray(of) || ArrayBuffer.isView(of)) return Array.from(of as ArrayLike<number>, (value) => [value, 1])
  const runs = (of as Partial<SpectralDensity> | null)?.runs
  if (!Array.isArray(runs)) throw invalid('an array of numbers, or what spectralDensity gives', of)
  return (runs as SpectralDensity['runs']).flatMap(({ nodes, weights }) =>
    nodes.map((node, i): [number, number] => [node, weights[i]! / runs.length]),
  )
}
