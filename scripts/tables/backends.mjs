// What a step costs on each backend: a row a model of step.json and small.json, a pair of columns a backend.
import { figure, markdown, measuredOn, results } from './markdown.mjs'

const backends = ['cpu', 'wasm', 'tensorflow']
const contestant = 'saltflat, nso(adam)'
/** What a step is compared with: tfjs as it comes, where that differs and is there. */
const bare = [
  ...['its two gradients, tfjs as it comes', 'its two gradients, on our kernels'],
  ...['two gradients at new weights', 'its two gradients'], // of small.json
]
/** And besides, where that was as it comes. */
const repaired = 'two gradients on our kernels, in a process of their own'

/** Time of a step of nso(adam), k = 1, and its ratio to its two gradients. */
export function steps() {
  const sources = [...results(/^small\.json$/), ...results(/^step\.json$/)]
  const rows = sources
    .flatMap((one) => one.rows)
    .filter((row) => row.contestant === contestant && backends.includes(row.what.split(', ').at(-1)))
  const models = new Map()
  for (const row of rows) {
    const [, model, backend] = /^(.*), (\w+)$/.exec(row.what)
    models.set(model, { ...models.get(model), [backend]: [...(models.get(model)?.[backend] ?? []), row] })
  }
  const lines = [...models]
    .filter(([, of]) => backends.every((backend) => of[backend]))
    .map(([model, of]) => [model, ...backends.map((backend) => cell(of[backend]))])
  return [
    markdown(['', ...backends], lines, backends),
    [...new Set(sources.map(measuredOn))].map((text) => `${text}.`).join('\n'),
  ].join('\n\n')
}

function cell(rows) {
  const { value, unit } = rows.find(({ against }) => against === null)
  const against = bare.find((name) => rows.some((row) => row.against === name))
  const { meaning, ratio, value: beyond } = rows.find((row) => row.against === against && row.meaning !== 'faster')
  const ms = unit === 'µs' ? value / 1000 : value
  const cost = meaning === 'cost' ? ratio : value / (value - beyond)
  const also = against === bare[0] ? rows.find((row) => row.against === repaired) : undefined
  return `${figure(ms)} ms, ${figure(cost)}×${also ? ` (${figure(also.ratio)}×)` : ''}`
}

/** The optimizer alone: ns a parameter. */
export function updates() {
  const [{ rows }] = results(/^optimizer\.json$/)
  const value = (backend, name) =>
    figure(rows.find((row) => row.what.endsWith(backend) && row.contestant === name && row.against === null).value)
  const names = ['saltflat, adamw', 'tf.train.adam']
  const lines = names.map((name) => [
    `\`${name.replace('saltflat, ', '')}\``,
    ...backends.map((one) => value(one, name)),
  ])
  return markdown(['ns a parameter', ...backends], lines, backends)
}
