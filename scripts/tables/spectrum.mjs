// The example of spectra: a row a method of `bench/results/spectrum.json`.
import { figure, markdown, results } from './markdown.mjs'

const names = { adam: 'Adam', nso: 'NSO' }
const columns = ['λ_max', 'trace', 'accuracy on clean images']

export function spectrum() {
  const rows = results(/^spectrum\.json$/).flatMap(({ methods }) =>
    Object.entries(methods).map(([method, { lambdaMax, trace, traceError, accuracy }]) => [
      names[method],
      figure(lambdaMax),
      `${trace.toFixed(0)} ± ${traceError.toFixed(0)}`,
      `${accuracy.toFixed(1)} %`,
    ]),
  )
  return markdown(['', ...columns], rows, columns)
}
