// The size of the noise and the number of perturbations at equal gradient evaluations: means over the seeds of
// sigma-and-k.json.
import { figure, markdown, results } from './markdown.mjs'

const [{ rows, settings, seeds }] = results(/^sigma-and-k\.json$/)
const counts = [...new Set(rows.map(({ perturbations }) => perturbations))]
const sigmas = [...new Set(rows.map(({ sigma }) => sigma))]

/** Accuracy on clean test images for every k, and loss and trace of k = 1. */
export function sigmaAndK() {
  const columns = [...counts.map((k) => `test accuracy, k = ${k}`), 'train loss, k = 1', 'trace, k = 1']
  const lines = sigmas.map((sigma) => [
    sigma === 0 ? '0 (Adam)' : String(sigma),
    ...counts.map((k) => percent(mean(sigma, k, 'testAccuracy'))),
    mean(sigma, 1, 'trainLoss').toFixed(2),
    Math.round(mean(sigma, 1, 'trace')).toLocaleString('en'),
  ])
  return [markdown(['sigma', ...columns], lines, columns), said(), best()].join('\n\n')
}

function mean(sigma, k, what) {
  const of = rows.filter((row) => row.sigma === sigma && row.perturbations === k)
  return of.length === 0 ? Number.NaN : of.reduce((sum, row) => sum + row[what], 0) / of.length
}

/** The best row of each k, beside the k-th part of the steps without noise to speak of. */
function best() {
  const [, least] = sigmas
  const found = counts.map((k) => {
    const [sigma] = sigmas.toSorted((a, b) => (mean(b, k, 'testAccuracy') || 0) - (mean(a, k, 'testAccuracy') || 0))
    const [top, still] = [mean(sigma, k, 'testAccuracy'), mean(least, k, 'testAccuracy')]
    return `k = ${k}: ${percent(top)} at sigma ${sigma}, ${(top - still).toFixed(1)} points over sigma ${least}`
  })
  return ['Best of each column:', '', ...found.map((one) => `- ${one}`)].join('\n')
}

const percent = (value) => (Number.isNaN(value) ? '' : `${value.toFixed(1)} %`)

function said() {
  const { images, labelNoise, batchSize, gradientEvaluations, layers, learningRate, traceSigma } = settings
  return [
    `An MLP ${layers.join('-')}, ${images} digits of which ${figure(labelNoise * 100).replace(/\.0+$/, '')} % have redrawn labels,`,
    `batches of ${batchSize}, Adam from ${learningRate} by half a cosine to 0; ${gradientEvaluations.toLocaleString('en')} gradients a run,`,
    `means of ${seeds.length} seeds. The trace is that of the training loss smoothed at ${traceSigma}, after the run.`,
  ].join('\n')
}
