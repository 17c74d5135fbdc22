// Modes of BatchNorm: a row a sigma, over the seeds of `bench/results/batch-norm/seed-*.json`.
import { markdown, results } from './markdown.mjs'

const modes = ['last', 'clean', 're-estimate']
const columns = ['sigma', ...modes.map((mode) => `'${mode}'`), "'clean' − 'last'", "'clean' − 're-estimate'"]

export function batchNorm() {
  const runs = results(/^seed-\d+\.json$/, 'batch-norm')
  const sigmas = [...new Set(runs.flatMap(({ rows }) => rows.map(({ sigma }) => sigma)))]
  const rows = sigmas.map((sigma) => {
    const of = (mode) => runs.map(({ rows }) => rows.find((row) => row.sigma === sigma && row.mode === mode).accuracy)
    const less = (a, b) => of(a).map((value, i) => value - of(b)[i])
    return [
      `${sigma}`,
      ...modes.map((mode) => shown(of(mode))),
      shown(less('clean', 'last'), true),
      shown(less('clean', 're-estimate'), true),
    ]
  })
  const { machine, versions, library, date, settings } = runs[0]
  const { steps, images, batchSize, momentum } = settings
  const on = `${machine.processor}, ${versions.backend}, tfjs ${versions.tfjs}, Node ${versions.node}; library of ${library}, ${date}`
  const how = `${steps} steps on ${images} images in batches of ${batchSize}, momentum of the statistics ${momentum}`
  return `${markdown(columns, rows, columns)}\n\nSeeds ${runs.map((one) => one.settings.seed).join(', ')}; ${how}. ${on}.`
}

/** Mean ± standard deviation over the seeds; a difference with its sign. */
function shown(values, difference = false) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  const sign = mean < 0 ? '−' : difference ? '+' : ''
  return `${sign}${Math.abs(mean).toFixed(1)} ± ${Math.sqrt(variance).toFixed(1)}`
}
