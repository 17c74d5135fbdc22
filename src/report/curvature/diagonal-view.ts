import type { Diagonal } from '../../curvature/diagonal.ts'
import { count, significant } from '../text.ts'
import type { Cell, Plottable } from '../types.ts'
import type { Named } from './results.ts'
import { nameColumn, named, seriesOf } from './rows.ts'
import { layerChart } from './trace-view.ts'

/** Diagonals: a bar for the sum within each layer; the elements themselves are for numpy and tables. */
export function diagonalView(all: readonly Named<Diagonal>[]): Plottable {
  const series = seriesOf(all, 'diagonal')
  return {
    title: all.length === 1 ? 'Diagonal' : 'Diagonals',
    subject: 'The diagonal of an operator such as a Hessian: how curved the loss is along each single weight.',
    summary: series.map(({ name, result: { values } }) => {
      const [low, high] = ends(values)
      return `${name}: ${count(values.length)} elements from ${significant(low)} to ${significant(high)}.`
    }),
    charts: [layerChart('Sum of the diagonal in each layer', series)],
    table: {
      columns: ['', 'elements', 'smallest', 'largest', 'products', 'gradients'],
      rows: series.map(({ name, result: { values, probes, passes } }) => [
        ...[name, count(values.length), ...ends(values).map((one) => significant(one))],
        ...[count(probes), count(passes)],
      ]),
    },
    settings: series.map(({ name, result }): [string, string] => [name, `${result.method}, ${result.probes} products`]),
    notes: all.every(({ result }) => result.method === 'exact-diagonal')
      ? []
      : ['Single elements are less certain than their sums: each has its standard error in the data.'],
    rows: {
      columns: [...nameColumn(all), 'element', 'diagonal', 'standard error'],
      rows: { [Symbol.iterator]: () => elements(all) },
    },
    data: all,
    // A row for each element: value, standard error.
    get array() {
      return all.map(({ result: { values, standardErrors } }) => {
        const pairs = new Float64Array(2 * values.length)
        for (let i = 0; i < values.length; i++) {
          pairs[2 * i] = values[i]!
          pairs[2 * i + 1] = standardErrors[i]!
        }
        return { shape: [values.length, 2], values: pairs }
      })
    },
  }
}

/** Millions of rows, for whoever asks. */
function* elements(all: readonly Named<Diagonal>[]): Generator<Cell[]> {
  for (const one of all) {
    const { values, standardErrors } = one.result
    for (const [i, value] of values.entries()) yield named(all, one, [i, value, standardErrors[i]!])
  }
}

function ends(values: Float32Array): [number, number] {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
}
