import type { HutchinsonTrace } from '../../curvature/trace.ts'
import { ink, type Series } from '../plot.ts'
import { count, withError } from '../text.ts'
import type { Chart, Plottable, Spec } from '../types.ts'
import type { Named } from './results.ts'
import { legendOf, nameColumn, named, seriesOf } from './rows.ts'

/** Layers that a picture has room for. */
const most = 16

/** Traces: a bar for each layer with its standard error. */
export function traceView(all: readonly Named<HutchinsonTrace>[]): Plottable {
  const series = seriesOf(all, 'trace')
  return {
    title: all.length === 1 ? 'Trace' : 'Traces',
    subject:
      'The sum of the eigenvalues of an operator such as a Hessian, from random probes, and the part of each layer.',
    summary: series.map(({ name, result }) => `${name}: ${withError(result.mean, result.standardError)}.`),
    charts: [layerChart('Trace of each layer', series)],
    table: {
      columns: ['', 'trace', 'probes', 'gradients'],
      rows: series.map(({ name, result }) => [
        name,
        withError(result.mean, result.standardError),
        count(result.probes),
        count(result.passes),
      ]),
    },
    settings: series.map(({ name, result }): [string, string] => [name, `${result.method}, ${result.probes} probes`]),
    notes: ['Errors of layers are not independent: the same probes see all of them.'],
    rows: {
      columns: [...nameColumn(all), 'layer', 'trace', 'standard error'],
      rows: all.flatMap((one) =>
        one.result.perLayer.map(({ name, mean, standardError }) => named(all, one, [name, mean, standardError])),
      ),
    },
    data: all,
    // A row for each layer: trace, standard error.
    array: all.map(({ result: { perLayer } }) => ({
      shape: [perLayer.length, 2],
      values: perLayer.flatMap(({ mean, standardError }) => [mean, standardError]),
    })),
  }
}

/** What has parts in layers. */
type Layered = Series & { readonly result: Pick<HutchinsonTrace, 'perLayer'> }

/** A bar for the part of each layer. */
export function layerChart(title: string, series: readonly Layered[]): Chart {
  const layers = largestLayers(series)
  const total = new Set(series.flatMap(({ result }) => result.perLayer.map(({ name }) => name))).size
  const caption = `± one standard error${total > most ? `; the ${most} largest of ${count(total)}` : ''}`
  return { title, caption, spec: bars(series, layers) }
}

/** In their own order. */
function largestLayers(series: readonly Layered[]): string[] {
  const sizes = new Map<string, number>()
  for (const { result } of series) {
    for (const { name, mean } of result.perLayer) sizes.set(name, Math.max(sizes.get(name) ?? 0, Math.abs(mean)))
  }
  const kept = new Set(
    [...sizes]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name]) => name),
  )
  return [...sizes.keys()].filter((name) => kept.has(name))
}

function bars(series: readonly Layered[], layers: readonly string[]): Spec {
  const values = series.flatMap(({ name: of, result }) =>
    result.perLayer
      .filter(({ name }) => layers.includes(name))
      .map(({ name: layer, mean, standardError }) => {
        const error = Number.isFinite(standardError) ? standardError : 0
        return { of, layer, mean, from: mean - error, to: mean + error }
      }),
  )
  const names = series.map(({ name }) => name)
  const encoding = {
    y: {
      field: 'layer',
      type: 'nominal',
      sort: layers,
      title: null,
      scale: { paddingInner: series.length > 1 ? 0.25 : 0.45, paddingOuter: 0.2 },
      axis: { labelFontSize: 12, labelColor: ink, labelLimit: 240, grid: false },
    },
    yOffset: { field: 'of', sort: names },
  }
  const x = (field: string) => ({ field, type: 'quantitative', title: 'trace', axis: { grid: true, tickCount: 6 } })
  const scale = { domain: names, range: series.map(({ colour }) => colour) }
  return {
    data: { values },
    encoding,
    layer: [
      {
        mark: { type: 'bar' },
        encoding: { x: x('mean'), color: { field: 'of', type: 'nominal', scale, legend: legendOf(series) } },
      },
      { mark: { type: 'rule', strokeWidth: 1.5, color: ink }, encoding: { x: x('from'), x2: { field: 'to' } } },
      ...['from', 'to'].map((field) => ({
        mark: { type: 'tick', size: 7, thickness: 1.5, color: ink },
        encoding: { x: x(field) },
      })),
    ],
  }
}
