// What reading gradients where TensorFlow has them gives: a row a model of in-place.json.
import { figure, markdown, measuredOn, results } from './markdown.mjs'

const columns = ['copied', 'read in place', 'faster']

export function inPlace() {
  const [found] = results(/^in-place\.json$/)
  const rows = found.rows
    .filter(({ ratio }) => ratio !== null)
    .map(({ what, value, ratio }) => {
      const copied = found.rows.find((one) => one.what === what && one.contestant === 'copied' && one.ratio === null)
      return [what, figure(copied.value), figure(value), `${figure(ratio)}×`]
    })
  return [markdown(['ns a parameter', ...columns], rows, columns), `${measuredOn(found)}.`].join('\n\n')
}
