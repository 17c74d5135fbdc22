// Where the time of a step goes: profile.json as it is now; and of one tuning, on one machine, profile-before.json,
// profile-after.json and between them what was predicted of it in profile-prediction.json, as shares of the time before;
// the first of its rows that fits a model's name holds.
import { figure, markdown, measuredOn, results } from './markdown.mjs'

/** Lines of the comparison: parts that are added up. */
const lines = {
  'native passes': ['native: perturb', 'native: flip', 'native: finish', 'native: begin and dots'],
  'reading gradients': ['reading gradients'],
  'writing weights': ['writing weights'],
  "saltflat's TypeScript": ["saltflat's TypeScript"],
  'loss and freeing': ['reading the loss', 'freeing gradients'],
}
const [whole, bare] = ['whole step', 'its two gradients']

/** All parts, a column a model. */
export function profile() {
  const [now] = results(/^profile\.json$/)
  const models = groups(now)
  const names = [...models.values()][0].map(({ contestant }) => contestant)
  const rows = [...new Set(names)].map((name) => [name, ...[...models.values()].map((of) => part(of, name))])
  const head = ['µs', ...models.keys()]
  return [
    markdown(head, [...rows, ['step / two gradients', ...[...models.values()].map(cost)]], head.slice(1)),
    source(now),
  ].join('\n\n')
}

/** What is not a gradient: before, as predicted, and now. */
export function comparison() {
  const [before] = results(/^profile-before\.json$/)
  const [{ shares, reasons }] = results(/^profile-prediction\.json$/)
  const [now] = results(/^profile-after\.json$/)
  const [then, after] = [groups(before), groups(now)]
  const rows = [...then].flatMap(([model, of]) =>
    Object.entries(lines).map(([line, parts]) => {
      const [a, b] = [sum(of, parts), sum(after.get(model) ?? [], parts)]
      const share = shares.find(({ models }) => new RegExp(models).test(model))?.[line]
      return [model, line, figure(a), share === undefined ? '' : figure(share * a), figure(b), `${figure(b / a)}×`]
    }),
  )
  const costs = [...then].map(([model, of]) => [
    model,
    'step / two gradients',
    cost(of),
    '',
    cost(after.get(model) ?? []),
    '',
  ])
  const head = ['model', 'µs a step', 'before', 'prediction', 'after', 'after / before']
  const why = Object.entries(reasons).map(([line, reason]) => `- ${line}: ${reason}`)
  return [
    markdown(head, [...rows, ...costs], head.slice(2)),
    ['The predictions:', '', ...why].join('\n'),
    `Before: ${source(before)} After: ${source(now)}`,
  ].join('\n\n')
}

function groups({ rows }) {
  const found = new Map()
  for (const row of rows) found.set(row.what, [...(found.get(row.what) ?? []), row])
  return found
}

function part(rows, name) {
  const row = rows.find(({ contestant, against }) => contestant === name && against === null)
  return row === undefined ? '' : figure(row.value)
}

function sum(rows, names) {
  const taken = rows.filter(({ contestant, against }) => against === null && names.includes(contestant))
  return taken.reduce((total, { value }) => total + value, 0)
}

function cost(rows) {
  const row = rows.find(
    ({ contestant, against, meaning }) => contestant === whole && against === bare && meaning === 'cost',
  )
  return row === undefined ? '' : `${figure(row.ratio)}×`
}

function source(result) {
  return `${measuredOn(result)}.`
}
