import { powers, type Series } from '../plot.ts'
import { significant, withError } from '../text.ts'
import type { Plottable, Spec } from '../types.ts'
import type { Named, StabilityCurve } from './results.ts'
import { legendOf, nameColumn, named, seriesOf } from './rows.ts'
import { ticks } from './ticks.ts'

/** How the loss rises under noise: measured, beside what the trace of the Hessian predicts. */
export function stabilityView(all: readonly Named<StabilityCurve>[]): Plottable {
  const series = seriesOf(all, 'measured')
  return {
    title: 'Noise stability',
    subject: 'The mean rise of the loss when noise of size σ is added to the weights: E f(W + σU) − f(W).',
    summary: series.map(({ name, result }) => {
      const { sigma, mean, standardError } = result.points.at(-1)!
      return `${name}: at σ = ${significant(sigma)} the loss of ${significant(result.loss)} rises by ${withError(mean, standardError)}.`
    }),
    charts: [
      {
        title: 'Rise of the loss under noise',
        caption: 'points: measured ± one standard error; dashed: σ²/2 · tr H ± its own error',
        spec: chart(series),
      },
    ],
    table: {
      columns: ['', 'loss', 'σ', 'rise', 'σ²/2 · tr H'],
      rows: series.flatMap(({ name, result }) =>
        result.points.map(({ sigma, mean, standardError, quadratic, quadraticError }, i) => [
          i === 0 ? name : '',
          i === 0 ? significant(result.loss) : '',
          String(Number(sigma.toPrecision(3))),
          withError(mean, standardError),
          withError(quadratic, quadraticError),
        ]),
      ),
    },
    settings: series.map(({ name, result }): [string, string] => [name, `${result.points[0]!.samples} samples a size`]),
    notes: ['Where points leave the dashed line, the loss is no longer quadratic at that distance.'],
    rows: {
      columns: [
        ...nameColumn(all),
        ...['sigma [weights]', 'rise [loss]', 'standard error [loss]', 'samples'],
        ...['quadratic [loss]', 'standard error of quadratic [loss]'],
      ],
      rows: all.flatMap((one) =>
        one.result.points.map(({ sigma, mean, standardError, samples, quadratic, quadraticError }) =>
          named(all, one, [sigma, mean, standardError, samples, quadratic, quadraticError]),
        ),
      ),
    },
    data: all,
    // A row for each size: sigma, rise, standard error, quadratic, its standard error (NaN where there is none).
    array: all.map(({ result: { points } }) => ({
      shape: [points.length, 5],
      values: points.flatMap(({ sigma, mean, standardError, quadratic, quadraticError }) => [
        sigma,
        mean,
        standardError,
        quadratic ?? Number.NaN,
        quadraticError ?? Number.NaN,
      ]),
    })),
  }
}

function chart(series: readonly (Series & { readonly result: StabilityCurve })[]): Spec {
  const points = series.flatMap(({ name, result }) =>
    result.points.toSorted((a, b) => a.sigma - b.sigma).map((point) => ({ name, ...point })),
  )
  // Both grow as σ²: a line on two logarithmic axes. A point without sign would not be seen on them.
  const log =
    points.length > 0 && points.every(({ sigma, mean, quadratic }) => sigma > 0 && mean > 0 && (quadratic ?? 1) > 0)
  const ys = points
    .flatMap(({ mean, quadratic }) => [mean, ...(quadratic === null ? [] : [quadratic])])
    .filter(Number.isFinite)
  const xs = points.map(({ sigma }) => sigma)
  const floor = 10 ** Math.floor(Math.log10(Math.min(...ys)))
  const ceiling = 10 ** Math.ceil(Math.log10(Math.max(...ys)))
  const around = (at: number | null, error: number | null) => ({
    from: log ? Math.max((at ?? Number.NaN) - (error ?? 0), floor) : (at ?? 0) - (error ?? 0),
    to: log ? Math.min((at ?? Number.NaN) + (error ?? 0), ceiling) : (at ?? 0) + (error ?? 0),
  })
  const measured = points.map(({ name, sigma, mean, standardError }) => ({
    ...{ name, sigma, y: mean, ...around(mean, Number.isFinite(standardError) ? standardError : 0) },
  }))
  const predicted = points.flatMap(({ name, sigma, quadratic, quadraticError }) =>
    quadratic === null ? [] : [{ name, sigma, y: quadratic, ...around(quadratic, quadraticError) }],
  )
  const x = {
    field: 'sigma',
    type: 'quantitative',
    title: 'size of the noise σ, in units of the weights',
    scale: log
      ? { type: 'log', domain: [Math.min(...xs) / 1.15, Math.max(...xs) * 1.15], nice: false }
      : { zero: true, nice: true },
    axis: log ? { values: ticks(xs), format: '~g' } : { tickCount: 6 },
  }
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'rise of the loss',
    scale: log ? { type: 'log', domain: [floor, ceiling], nice: false } : { zero: true, nice: true },
    axis: { ...(log ? powers(floor, ceiling) : { tickCount: 6 }), grid: true },
  })
  const domain = series.map(({ name }) => name)
  const scale = { domain, range: series.map(({ colour }) => colour) }
  const color = { field: 'name', type: 'nominal', scale, legend: legendOf(series) }
  const shape = { ...color, scale: { domain, range: series.map((one) => one.shape) } }
  return {
    layer: [
      {
        data: { values: predicted },
        mark: { type: 'area', opacity: 0.15 },
        encoding: { x, y: y('from'), y2: { field: 'to' }, color },
      },
      {
        data: { values: predicted },
        mark: { type: 'line', strokeDash: [6, 4], strokeWidth: 2 },
        encoding: { x, y: y('y'), color },
      },
      {
        data: { values: measured },
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { x, y: y('from'), y2: { field: 'to' }, color },
      },
      {
        data: { values: measured },
        mark: { type: 'point', filled: true, size: 80, opacity: 1 },
        encoding: { x, y: y('y'), color, shape },
      },
    ],
  }
}
