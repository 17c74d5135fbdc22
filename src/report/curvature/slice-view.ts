import { quiet, type Series } from '../plot.ts'
import { count, significant } from '../text.ts'
import type { Chart, Plottable, Spec } from '../types.ts'
import type { Named, SliceOfLoss } from './results.ts'
import { legendOf, nameColumn, named, seriesOf } from './rows.ts'
import { ticks } from './ticks.ts'

/** Steps of colour in a map: edges between them read as contours. */
const levels = 14

const mapWidth = 460

/** The loss along a line, with the quadratic of its curvature; or over a plane, as a map. */
export function sliceView(all: readonly Named<SliceOfLoss>[]): Plottable {
  const series = seriesOf(all, 'loss')
  const lines = series.filter(({ result }) => result.axes.length === 1)
  const planes = series.filter(({ result }) => result.axes.length === 2)
  return {
    title: 'Slices of the loss',
    subject: 'The loss at the weights plus multiples of one direction or two; 0 is where the weights are.',
    summary: series.map(({ name, result }) => {
      const finite = result.loss.filter(Number.isFinite)
      const [low, high] = [
        finite.reduce((a, b) => Math.min(a, b), Infinity),
        finite.reduce((a, b) => Math.max(a, b), -Infinity),
      ]
      const gone = result.loss.length - finite.length
      if (finite.length === 0) return `${name}: not finite anywhere.`
      return `${name}: from ${significant(low)} to ${significant(high)}${gone > 0 ? `; not finite at ${count(gone)} points` : ''}.`
    }),
    charts: [...(lines.length > 0 ? [lineOf(lines)] : []), ...mapsOf(planes)],
    table: {
      columns: ['', 'directions', 'points'],
      rows: series.map(({ name, result }) => [
        name,
        result.axes.map((axis) => axis.name).join(', '),
        result.axes.map(({ at }) => at.length).join(' × '),
      ]),
    },
    settings: [],
    notes: [],
    rows: {
      columns: [...nameColumn(all), 'direction', 'step', 'other direction', 'step', 'loss', 'quadratic'],
      rows: all.flatMap((one) => {
        const { axes, loss, quadratic } = one.result
        const [first, second] = axes
        return loss.map((value, i) => {
          const { a, b } = place(axes, i)
          return named(all, one, [
            first!.name,
            a,
            second?.name ?? null,
            b,
            finiteOrNull(value),
            finiteOrNull(quadratic?.[i]),
          ])
        })
      }),
    },
    data: all,
    // The loss, an axis for each direction.
    array: all.map(({ result: { axes, loss } }) => ({ shape: axes.map(({ at }) => at.length), values: loss })),
  }
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

/** Where point `i` is: the first axis is slowest. */
function place(axes: SliceOfLoss['axes'], i: number): { a: number; b: number | null } {
  const inner = axes[1]?.at.length ?? 1
  return { a: axes[0]!.at[Math.floor(i / inner)]!, b: axes[1]?.at[i % inner] ?? null }
}

function lineOf(series: readonly (Series & { readonly result: SliceOfLoss })[]): Chart {
  const values = series.flatMap(({ name, result: { axes, loss, quadratic } }) =>
    axes[0]!.at.map((x, i) => ({ name, x, y: finiteOrNull(loss[i]), quadratic: finiteOrNull(quadratic?.[i]) })),
  )
  const ys = values.flatMap(({ y }) => (y === null ? [] : [y]))
  const [low, high] = [Math.min(...ys), Math.max(...ys)]
  // A quadratic far from the loss must not squeeze it.
  const room = 0.06 * (high - low || Math.abs(high) || 1)
  const domain = series.map(({ name }) => name)
  const color = {
    field: 'name',
    type: 'nominal',
    scale: { domain, range: series.map(({ colour }) => colour) },
    legend: legendOf(series),
  }
  const names = [...new Set(series.map(({ result }) => result.axes[0]!.name))]
  const x = {
    field: 'x',
    type: 'quantitative',
    title: names.length === 1 ? `step along ${names[0]}` : 'step',
    scale: { nice: false },
    axis: { tickCount: 8 },
  }
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'loss',
    scale: { domain: [low - room, high + room], nice: false, zero: false },
    axis: { tickCount: 6, grid: true },
  })
  return {
    title: 'Loss along a direction',
    caption: 'line: the loss; dashed: its quadratic at 0, where it was asked for',
    spec: {
      data: { values },
      layer: [
        {
          mark: { type: 'line', strokeDash: [6, 4], strokeWidth: 1.5, clip: true },
          encoding: { x, y: y('quadratic'), color },
        },
        { mark: { type: 'line', strokeWidth: 2.5, clip: true }, encoding: { x, y: y('y'), color } },
        {
          data: { values: [{ x: 0 }] },
          mark: { type: 'rule', color: quiet, strokeDash: [2, 3] },
          encoding: { x: { field: 'x', type: 'quantitative' } },
        },
      ],
    },
  }
}

/** Maps of equal colours, so that they compare. */
function mapsOf(planes: readonly (Series & { readonly result: SliceOfLoss })[]): Chart[] {
  const finite = planes.flatMap(({ result }) => result.loss.filter(Number.isFinite))
  const [low, high] = [
    finite.reduce((a, b) => Math.min(a, b), Infinity),
    finite.reduce((a, b) => Math.max(a, b), -Infinity),
  ]
  return planes.map((one) => mapOf(one, low, high))
}

function mapOf({ name, result }: Series & { readonly result: SliceOfLoss }, low: number, high: number): Chart {
  const { axes, loss } = result
  const [first, second] = axes
  const log = low > 0 && high > 20 * low
  const [onScale, fromScale] = log ? [Math.log, Math.exp] : [(v: number) => v, (v: number) => v]
  const step = (onScale(high) - onScale(low)) / levels || 1
  const level = (value: number) => {
    const at = Math.min(Math.floor((onScale(value) - onScale(low)) / step), levels - 1)
    return fromScale(onScale(low) + (at + 0.5) * step)
  }
  const [across, up] = [edges(first!.at), edges(second!.at)]
  const inner = second!.at.length
  const values = loss.flatMap((value, i) => {
    if (!Number.isFinite(value)) return []
    const [a, b] = [Math.floor(i / inner), i % inner]
    // Each cell reaches a little under the next: else a seam shows between them.
    const [x, y] = [across[a]!, up[b]!]
    return [{ x, x2: x + 1.03 * (across[a + 1]! - x), y, y2: y + 1.03 * (up[b + 1]! - y), level: level(value) }]
  })
  const axis = (field: string, title: string, ends: readonly number[]): Spec => ({
    field,
    type: 'quantitative',
    title: `step along ${title}`,
    scale: { domain: [ends[0], ends.at(-1)], nice: false, zero: false },
    axis: { tickCount: 6, grid: false },
  })
  const x = axis('x', first!.name, across)
  const y = axis('y', second!.name, up)
  const color = {
    field: 'level',
    type: 'quantitative',
    scale: { scheme: 'viridis', domain: [low, high], ...(log ? { type: 'log' } : { zero: false }) },
    legend: {
      ...{ type: 'gradient', title: 'loss', titleFontWeight: 'normal', gradientLength: 200, format: '~g' },
      ...(log ? { values: ticks([low, high]) } : { tickCount: 5 }),
    },
  }
  return {
    title: name === 'loss' ? 'Loss over a plane' : name,
    caption: `equal steps of colour: equal steps of ${log ? 'the logarithm of the loss' : 'the loss'}; cross: the weights${loss.every(Number.isFinite) ? '' : '; grey: not finite'}`,
    spec: {
      // Nearly square, also where a chart alone has the whole width.
      width: mapWidth,
      data: { values },
      layer: [
        {
          mark: { type: 'rect', clip: true },
          encoding: { x, x2: { field: 'x2' }, y, y2: { field: 'y2' }, color },
        },
        {
          data: { values: [{ x: 0, y: 0 }] },
          mark: { type: 'point', shape: 'cross', filled: true, size: 90, color: 'white', stroke: 'black', opacity: 1 },
          encoding: { x: { field: 'x', type: 'quantitative' }, y: { field: 'y', type: 'quantitative' } },
        },
      ],
      view: { fill: '#d5d9dd', stroke: null },
    },
  }
}

/** Borders of cells around points: half-way between neighbours. */
function edges(at: readonly number[]): number[] {
  const inner = at.slice(1).map((one, i) => (one + at[i]!) / 2)
  if (inner.length === 0) return [at[0]! - 0.5, at[0]! + 0.5]
  return [2 * at[0]! - inner[0]!, ...inner, 2 * at.at(-1)! - inner.at(-1)!]
}
