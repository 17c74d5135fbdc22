import type { TopEigenvalues } from '../../curvature/top-eigenvalues.ts'
import { powers, type Series } from '../plot.ts'
import { count, significant } from '../text.ts'
import type { Plottable, Spec } from '../types.ts'
import type { Named } from './results.ts'
import { legendOf, nameColumn, named, seriesOf } from './rows.ts'

/** Top eigenvalues by rank, with a bar of the residual, within which an eigenvalue lies. */
export function eigenvaluesView(all: readonly Named<TopEigenvalues>[]): Plottable {
  const series = seriesOf(all, 'eigenvalues')
  return {
    title: 'Top eigenvalues',
    subject: 'Eigenvalues of an operator such as a Hessian, by the Lanczos iteration, and how exact each is.',
    summary: series.map(
      ({ name, result: { values, residuals, converged } }) =>
        `${name}: ${significant(values[0]!)} with a residual of ${significant(residuals[0]!, 2)} comes first; ` +
        `${converged.filter(Boolean).length} of ${converged.length} are within the tolerance.`,
    ),
    charts: [
      {
        title: 'Eigenvalues by rank',
        caption: 'bars: ± residual, within which an eigenvalue lies; hollow: beyond the tolerance',
        spec: chart(series),
      },
    ],
    table: {
      columns: ['', 'first', 'last', 'largest residual', 'found', 'products', 'gradients'],
      rows: series.map(({ name, result: { values, residuals, converged, steps, passes } }) => [
        name,
        significant(values[0]!),
        significant(values.at(-1)!),
        significant(Math.max(...residuals), 2),
        `${converged.filter(Boolean).length} of ${values.length}`,
        count(steps),
        count(passes),
      ]),
    },
    settings: series.map(({ name, result }): [string, string] => [name, `${result.method}, ${result.steps} products`]),
    notes: all.every(({ result }) => result.complete)
      ? []
      : ['Of an eigenvalue that repeats some copies may be missing.'],
    rows: {
      columns: [...nameColumn(all), 'rank', 'eigenvalue', 'residual', 'converged'],
      rows: all.flatMap((one) =>
        one.result.values.map((value, i) =>
          named(all, one, [i + 1, value, one.result.residuals[i]!, String(one.result.converged[i])]),
        ),
      ),
    },
    data: all,
    // A row for each: eigenvalue, residual.
    array: all.map(({ result: { values, residuals } }) => ({
      shape: [values.length, 2],
      values: values.flatMap((value, i) => [value, residuals[i]!]),
    })),
  }
}

function chart(series: readonly (Series & { readonly result: TopEigenvalues })[]): Spec {
  const values = series.flatMap(({ name, result: { values: found, residuals, converged } }) =>
    found.map((value, i) => ({ name, rank: i + 1, value, residual: residuals[i]!, converged: converged[i]! })),
  )
  const [low, high] = [Math.min(...values.map(({ value }) => value)), Math.max(...values.map(({ value }) => value))]
  const log = low > 0 && high > 20 * low
  const [floor, ceiling] = [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high))]
  const bars = values.map(({ value, residual, ...one }) => ({
    ...{ ...one, value, to: value + residual },
    from: log ? Math.max(value - residual, floor) : value - residual,
  }))
  const last = Math.max(...values.map(({ rank }) => rank))
  const x = {
    field: 'rank',
    type: 'quantitative',
    title: 'rank',
    scale: { domain: [0.5, last + 0.5], nice: false },
    axis: {
      format: 'd',
      values: Array.from({ length: last }, (_, i) => i + 1).filter((i) => i % Math.ceil(last / 10) === 0 || i === 1),
    },
  }
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'eigenvalue λ',
    scale: log ? { type: 'log', domain: [floor, ceiling], nice: false } : { zero: low > 0, nice: true },
    axis: { ...(log ? powers(floor, ceiling) : { tickCount: 6 }), grid: true },
  })
  const domain = series.map(({ name }) => name)
  const color = {
    field: 'name',
    type: 'nominal',
    scale: { domain, range: series.map(({ colour }) => colour) },
    legend: legendOf(series),
  }
  const shape = { ...color, scale: { domain, range: series.map(({ shape: one }) => one) } }
  return {
    data: { values: bars },
    layer: [
      { mark: { type: 'rule', strokeWidth: 1.5 }, encoding: { x, y: y('from'), y2: { field: 'to' }, color } },
      {
        mark: { type: 'point', size: 90, strokeWidth: 2, opacity: 1, fill: 'white' },
        encoding: { x, y: y('value'), color, shape },
      },
      {
        transform: [{ filter: 'datum.converged' }],
        mark: { type: 'point', size: 90, filled: true, opacity: 1 },
        encoding: { x, y: y('value'), color, shape },
      },
    ],
  }
}
