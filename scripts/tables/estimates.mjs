// Estimates of the trace for the same products: what they are off by, and what they say of it.
import { markdown, results } from './markdown.mjs'

export function estimates() {
  const [{ rows, settings, versions, library, date }] = results(/^estimates\.json$/)
  const columns = ['spectrum', 'estimator', ...settings.products.map((products) => `${products} products`)]
  const lines = [...new Set(rows.map(({ spectrum, estimator }) => `${spectrum}|${estimator}`))].map((name) => {
    const of = rows.filter(({ spectrum, estimator }) => `${spectrum}|${estimator}` === name)
    return [...name.split('|'), ...of.map(({ error, stated }) => `${percent(error)} (${percent(stated)})`)]
  })
  const how = `${settings.size} eigenvalues, ${settings.seeds} seeds; Node ${versions.node}; library of ${library}, ${date}`
  return `${markdown(columns, lines, columns.slice(2))}\n\n${how}.`
}

function percent(share) {
  return `${(100 * share).toPrecision(2)} %`
}
