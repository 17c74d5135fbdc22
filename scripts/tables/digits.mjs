// The main job's results: one row a backend and method of `bench/results/digits-*.json`.
import { markdown, results } from './markdown.mjs'

const names = { adam: 'Adam', sam: 'SAM', nso: 'NSO' }
const columns = ['method', 'test accuracy at the end', 'best of ten', 'train loss', 'test loss', 'trace', 'ms a step']

export function digits() {
  const rows = results(/^digits-.*\.json$/).flatMap(({ backend, images, gradientEvaluations, methods }) =>
    Object.entries(methods).map(([method, one]) => [
      `${backend}, ${images} images, ${gradientEvaluations.toLocaleString('en')} gradients`,
      names[method],
      `${one.finalAccuracy.toFixed(1)} %`,
      `${one.bestAccuracy.toFixed(1)} %`,
      one.trainLoss.toFixed(2),
      one.testLoss.toFixed(2),
      `${round(one.trace, one.traceError)} ± ${round(one.traceError, one.traceError)}`,
      one.msPerStep.toFixed(1),
    ]),
  )
  return markdown(['', ...columns], rows)
}

/** A figure to the place of its error's second digit. */
function round(value, error) {
  const places = Math.max(0, 1 - Math.floor(Math.log10(error)))
  return value.toLocaleString('en', { minimumFractionDigits: places, maximumFractionDigits: places })
}
