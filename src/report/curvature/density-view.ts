import { studentQuantile } from '../../curvature/interval.ts'
import type { SpectralDensity } from '../../curvature/spectral-density.ts'
import { ink, palette, powers, quiet } from '../plot.ts'
import { count, significant, withError } from '../text.ts'
import type { Chart, Plottable } from '../types.ts'
import type { Named } from './results.ts'
import { nameColumn, named } from './rows.ts'

/** Powers of ten under the highest peak that are shown: an eigenvalue among ten million is still seen. */
const decades = 7

/** Spectra: the density on a logarithmic axis over the nodes it is made of; several on the same axes. */
export function densityView(all: readonly Named<SpectralDensity>[]): Plottable {
  const rows = all.map(({ name, result }) => ({ name: name || 'spectrum', ...extremes(result), result }))
  return {
    title: all.length === 1 ? 'Spectral density' : 'Spectral densities',
    subject:
      'The distribution of the eigenvalues λ of an operator such as a Hessian, by stochastic Lanczos quadrature.',
    summary: rows.map(
      ({ name, lowest, highest }) =>
        `${all.length === 1 ? 'Nodes' : `${name}: nodes`} from ${significant(lowest)} to ${significant(highest)}.`,
    ),
    charts: charts(all),
    table: {
      columns: ['', 'smallest node', 'largest node', 'mean of λ', 'RMS of λ', 'starts', 'gradients'],
      rows: rows.map(({ name, lowest, highest, result: { moments, runs, passes } }) => [
        name,
        significant(lowest),
        significant(highest),
        withError(moments[0]!.mean, moments[0]!.standardError),
        significant(Math.sqrt(Math.max(moments[1]!.mean, 0))),
        count(runs.length),
        count(passes),
      ]),
    },
    settings: rows.map(({ name, result }): [string, string] => [
      all.length === 1 ? 'Quadrature' : name,
      `${result.runs.length} starts of ${result.steps} products, Gaussians of width ${significant(result.width)}`,
    ]),
    notes: [
      'Density: share of the eigenvalues per unit of λ. Each node of a start’s quadrature becomes a Gaussian of the width given; the curve is their mean over the starts and integrates to 1.',
      `Ticks under the curve are nodes. The band is a standard deviation between starts. Density below 10⁻${'⁰¹²³⁴⁵⁶⁷⁸⁹'[decades]} of the peak is not shown.`,
      ...fewStarts(all.map(({ result }) => result.runs.length)),
    ],
    rows: {
      columns: [...nameColumn(all), 'eigenvalue', 'density [1/eigenvalue]', 'standard deviation [1/eigenvalue]'],
      rows: all.flatMap((one) =>
        one.result.grid.map((at, i) => named(all, one, [at, one.result.density[i]!, one.result.spread[i]!])),
      ),
    },
    data: all,
    // A row for each point: where, the density there, its deviation between starts.
    array: all.map(({ result: { grid, density, spread } }) => ({
      shape: [grid.length, 3],
      values: grid.flatMap((at, i) => [at, density[i]!, spread[i]!]),
    })),
  }
}

/** What standard errors are worth from so few starts. */
function fewStarts(starts: readonly number[]): string[] {
  const fewest = starts.reduce((a, b) => Math.min(a, b))
  if (fewest < 2 || fewest > 10) return []
  const t = studentQuantile(fewest - 1).toFixed(1)
  return [`± is one standard error, itself uncertain: from ${fewest} starts it takes ${t} of them to cover 95 %.`]
}

function extremes({ runs }: SpectralDensity): { lowest: number; highest: number } {
  const lowest = runs.reduce((least, { nodes }) => Math.min(least, nodes[0]!), Infinity)
  return { lowest, highest: runs.reduce((most, { nodes }) => Math.max(most, nodes.at(-1)!), -Infinity) }
}

function charts(all: readonly Named<SpectralDensity>[]): Chart[] {
  const peak = Math.max(...all.map(({ result }) => result.density.reduce((a, b) => Math.max(a, b), 0)))
  const ceiling = 10 ** Math.ceil(Math.log10(peak))
  const floor = ceiling / 10 ** decades
  const [from, to] = [
    Math.min(...all.map(({ result: { grid } }) => grid[0]!)),
    Math.max(...all.map(({ result: { grid } }) => grid.at(-1)!)),
  ]
  const shared = all.length === 1 ? '' : ', equal axes'
  return all.map(({ name, result }, index) => ({
    title: name || 'Density of eigenvalues',
    caption: `log scale${shared}; ticks: nodes; band: ± deviation between starts`,
    spec: chart(result, palette[index % palette.length]!.colour, { floor, ceiling, from, to }),
  }))
}

interface Frame {
  readonly floor: number
  readonly ceiling: number
  readonly from: number
  readonly to: number
}

function chart(result: SpectralDensity, colour: string, { floor, ceiling, from, to }: Frame) {
  const { grid, density, spread, runs, width } = result
  const inside = (value: number) => Math.min(Math.max(value, floor), ceiling)
  // Down to the floor, so that a point between two empty ones is a peak, and not nothing.
  const drawn = (i: number) => [i - 1, i, i + 1].some((near) => density[near]! >= floor)
  const values = grid.map((x, i) => ({
    x,
    y: drawn(i) ? inside(density[i]!) : null,
    low: inside(density[i]! - spread[i]!),
    high: inside(density[i]! + spread[i]!),
  }))
  const seen = floor * runs.length * Math.max(width * Math.sqrt(2 * Math.PI), grid[1]! - grid[0]!)
  const nodes = runs.flatMap(({ nodes: at, weights }) => at.flatMap((x, i) => (weights[i]! >= seen ? [{ x }] : [])))
  const { highest } = extremes(result)
  const right = (highest - from) / (to - from) > 0.4
  const x = {
    field: 'x',
    type: 'quantitative',
    title: 'eigenvalue λ',
    scale: { domain: [from, to], nice: false, zero: false },
    axis: { tickCount: 8, offset: 12 },
  }
  const y = {
    type: 'quantitative',
    title: 'density, 1/λ',
    scale: { type: 'log', domain: [floor, ceiling], nice: false },
    axis: { ...powers(floor, ceiling), grid: true },
  }
  const most = { data: { values: [{ x: highest, text: `largest ${significant(highest)}` }] } }
  return {
    data: { values },
    layer: [
      {
        mark: { type: 'area', color: colour, opacity: 0.25 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      {
        mark: { type: 'line', color: colour, strokeWidth: 2, strokeJoin: 'round' },
        encoding: { x, y: { ...y, field: 'y' } },
      },
      {
        data: { values: nodes },
        mark: { type: 'tick', orient: 'vertical', size: 9, thickness: 1, color: colour, yOffset: 6, opacity: 0.8 },
        encoding: { x, y: { value: 'height' } },
      },
      {
        ...most,
        mark: { type: 'rule', strokeDash: [3, 3], color: quiet },
        encoding: { x, y: { value: 0 }, y2: { value: 'height' } },
      },
      {
        ...most,
        mark: {
          ...{ type: 'text', align: right ? 'right' : 'left', dx: right ? -6 : 6, dy: 8 },
          ...{ baseline: 'top', fontSize: 13, color: ink },
        },
        encoding: { x, y: { value: 0 }, text: { field: 'text' } },
      },
    ],
  }
}
