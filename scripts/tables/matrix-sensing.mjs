// Matrix sensing: a row a seed of `bench/results/matrix-sensing/seed-*.json`.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../run.mjs'
import { figure, markdown } from './markdown.mjs'

const folder = join(root, 'bench', 'results', 'matrix-sensing')
const columns = ['gradient descent', 'one-sided noise', 'NSO', 'one-sided / NSO', 'distance, NSO']

export function matrixSensing() {
  const rows = readdirSync(folder)
    .filter((file) => /^seed-\d+\.json$/.test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    .map(({ seed, gd, oneSided, nso }) => [
      `seed ${seed}`,
      figure(gd.validation),
      scientific(oneSided.validation),
      scientific(nso.validation),
      `${figure(oneSided.validation / nso.validation)}×`,
      figure(nso.distance),
    ])
  return markdown(['validation error', ...columns], rows, columns)
}

const scientific = (value) =>
  value
    .toExponential(2)
    .replace('e-', '·10⁻')
    .replace(/⁻(\d)$/, (_, digit) => `⁻${'⁰¹²³⁴⁵⁶⁷⁸⁹'[digit]}`)
