import type { Spec } from './types.ts'

/** One line or dot of a chart: its name, colour and marker. */
export interface Series {
  readonly name: string
  readonly colour: string
  readonly shape: string
}

/** Colours that stay apart for colour-blind readers (after Okabe and Ito, darkened for text on white), with own markers. */
export const palette: readonly Omit<Series, 'name'>[] = [
  { colour: '#c24e00', shape: 'circle' },
  { colour: '#0072b2', shape: 'square' },
  { colour: '#007d5c', shape: 'triangle-up' },
  { colour: '#8a4f7d', shape: 'diamond' },
  { colour: '#6b5b00', shape: 'cross' },
]

/** Text colours on white: for what is read first, and for what explains it. */
export const ink = '#1f2933'
export const quiet = '#5b6770'
/** What pages and pictures are set in. */
export const fontFamily = 'system-ui, "Segoe UI", "DejaVu Sans", Arial, sans-serif'

/** A chart ready to be drawn `width` by `height` in all: axes and the names at the right end included. */
export function themed(spec: Spec, width: number, height: number): Spec {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    width,
    height,
    autosize: { type: 'fit', contains: 'padding' },
    padding: { left: 0, top: 6, right: 8, bottom: 6 },
    ...spec,
    config: {
      font: fontFamily,
      axis: {
        labelColor: quiet,
        titleColor: quiet,
        titleFontWeight: 'normal',
        gridColor: '#e6e9ec',
        tickColor: '#c5cbd1',
        domain: false,
        labelFontSize: 12,
        titleFontSize: 12,
        titlePadding: 10,
        ticks: false,
        labelPadding: 6,
      },
      axisX: { grid: false, domain: true, domainColor: '#9aa5b1', ticks: true, tickSize: 4, labelFlush: false },
      text: { fontSize: 12, color: ink },
      view: { stroke: null },
    },
  }
}

/** A point of a line. */
export interface LinePoint {
  readonly x: number
  readonly y: number
}

/** A line per series with markers, and its name at the right end instead of a legend. */
export function lineChart(chart: {
  readonly series: readonly (Series & { readonly points: readonly LinePoint[] })[]
  readonly x: string
  readonly y: string
  /** The x axis ends here; without it, at the last point. */
  readonly end?: number
  /** A logarithmic y axis; points that are not positive are left out of it. */
  readonly log?: boolean
  /** A marker at every so many points, the last one included; without it, at every point. */
  readonly every?: number
}): Spec {
  const { log = false, every = 1 } = chart
  const drawn = chart.series
    .map((one) => ({ ...one, points: one.points.filter(({ y }) => !log || y > 0) }))
    .filter(({ points }) => points.length > 0)
  const values = drawn.flatMap(({ name, points }) =>
    points.map((point, index) => ({ name, ...point, marked: (points.length - 1 - index) % every === 0 })),
  )
  const ys = values.map(({ y }) => y)
  const [low, high] = [Math.min(...ys), Math.max(...ys)]
  // Names are moved apart as they are seen: on the scale of the axis.
  const [onAxis, fromAxis] = log ? [Math.log10, (y: number) => 10 ** y] : [(y: number) => y, (y: number) => y]
  const labels = spread(
    drawn.map(({ name, points }) => ({ name, x: points.at(-1)!.x, y: onAxis(points.at(-1)!.y) })),
    0.075 * (log ? Math.ceil(onAxis(high)) - Math.floor(onAxis(low)) || 1 : high - low || 1),
  ).map(({ y, ...label }) => ({ ...label, y: fromAxis(y) }))
  const x = {
    field: 'x',
    type: 'quantitative',
    title: chart.x,
    scale: { domain: [0, chart.end ?? Math.max(...values.map((v) => v.x))], nice: false },
    axis: { format: ',d', tickCount: 6 },
  }
  const y = {
    field: 'y',
    type: 'quantitative',
    title: chart.y,
    scale: { type: log ? 'log' : 'linear', domain: [low, high], nice: true, ...(!log && { zero: false }) },
    axis: log ? powers(low, high) : { tickCount: 6 },
  }
  return {
    data: { values },
    encoding: { x, y, color: colours(drawn) },
    layer: [
      { mark: { type: 'line', strokeWidth: 2.5, strokeJoin: 'round' } },
      {
        transform: [{ filter: 'datum.marked' }],
        mark: { type: 'point', filled: true, size: 48, opacity: 1 },
        encoding: { shape: shapes(drawn) },
      },
      {
        data: { values: labels },
        mark: { type: 'text', align: 'left', dx: 9, fontWeight: 'bold', fontSize: 13 },
        encoding: { text: { field: 'name' } },
      },
    ],
  }
}

/**
 * One bar per series with a whisker of one standard error to each side and the figure above it.
 * The axis is logarithmic when every value is positive, since such values differ by factors.
 */
export function errorChart(chart: {
  readonly series: readonly (Series & { readonly value: number; readonly error: number; readonly text: string })[]
  readonly x: string
}): Spec {
  const log = chart.series.every(({ value }) => value > 0)
  const low = Math.min(
    ...chart.series.map(({ value, error }) => (log ? Math.max(value - error, value / 2) : value - error)),
  )
  const high = Math.max(...chart.series.map(({ value, error }) => value + error))
  const floor = log ? 10 ** Math.floor(Math.log10(low * 0.8)) : Math.min(low, 0)
  const ceiling = log ? 10 ** Math.ceil(Math.log10(high * 1.25)) : Math.max(high, 0)
  const values = chart.series.map(({ name, value, error, text }) => ({
    name,
    value,
    text,
    from: Math.max(value - error, floor),
    to: value + error,
    floor: log ? floor : 0,
  }))
  const x = {
    field: 'value',
    type: 'quantitative',
    title: chart.x,
    scale: { type: log ? 'log' : 'linear', domain: [floor, ceiling], nice: !log },
    axis: log ? { grid: true, format: ',', values: decades(floor, ceiling) } : { grid: true, tickCount: 6 },
  }
  const y = {
    field: 'name',
    type: 'nominal',
    sort: null,
    title: null,
    scale: { padding: 0.5 },
    axis: { labelFontSize: 13, labelFontWeight: 'bold', labelColor: ink, grid: false },
  }
  const color = colours(chart.series)
  const whisker = { type: 'tick', size: 14, thickness: 1.5, color: ink }
  return {
    data: { values },
    encoding: { y },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 12 },
        encoding: { x: { ...x, field: 'floor' }, x2: { field: 'value' }, color },
      },
      {
        mark: { type: 'rule', strokeWidth: 1.5, color: ink },
        encoding: { x: { ...x, field: 'from' }, x2: { field: 'to' } },
      },
      ...['from', 'to'].map((field) => ({ mark: whisker, encoding: { x: { ...x, field } } })),
      {
        mark: { type: 'text', dy: -18, fontWeight: 'bold', fontSize: 13 },
        encoding: { x, text: { field: 'text' }, color },
      },
    ],
  }
}

function colours(series: readonly Series[]): Spec {
  const scale = { domain: series.map(({ name }) => name), range: series.map(({ colour }) => colour) }
  return { field: 'name', type: 'nominal', legend: null, scale }
}

function shapes(series: readonly Series[]): Spec {
  const scale = { domain: series.map(({ name }) => name), range: series.map(({ shape }) => shape) }
  return { field: 'name', type: 'nominal', legend: null, scale }
}

/** Powers of ten from `floor` to `ceiling`. */
function decades(floor: number, ceiling: number): number[] {
  const first = Math.round(Math.log10(floor))
  return Array.from({ length: Math.round(Math.log10(ceiling)) - first + 1 }, (_, index) => 10 ** (first + index))
}

/** A logarithmic axis labelled 10⁻³, at six powers of ten or fewer. */
export function powers(low: number, high: number): Spec {
  const all = decades(10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high)))
  const step = Math.ceil((all.length - 1) / 5)
  return {
    values: all.filter((_, index) => (all.length - 1 - index) % step === 0),
    // Vega's own exponents are plain digits; superscripts are characters of every font that is used here.
    labelExpr: `datum.value == 1 ? '1' : datum.value == 10 ? '10' : '10' + ${exponent}`,
  }
}

/** A Vega expression: the exponent of a power of ten in superscript. */
const exponent = [...'−0123456789'].reduce(
  (text, sign, index) => `replace(${text}, /${sign}/g, '${'⁻⁰¹²³⁴⁵⁶⁷⁸⁹'[index]}')`,
  "format(round(log(datum.value) / LN10), 'd')",
)

/** Moves labels apart that would overlap: each at least `gap` from the next, the group kept where it was on the whole. */
function spread<T extends { readonly y: number }>(labels: readonly T[], gap: number): T[] {
  const sorted = labels.toSorted((a, b) => a.y - b.y)
  const ys = sorted.map(({ y }) => y)
  for (let pass = 0; pass < 50; pass++) {
    for (let index = 1; index < ys.length; index++) {
      const lacking = gap - (ys[index]! - ys[index - 1]!)
      if (lacking <= 1e-12) continue
      ys[index - 1]! -= lacking / 2
      ys[index]! += lacking / 2
    }
  }
  return sorted.map((label, index) => ({ ...label, y: ys[index]! }))
}
