// Writes the figures of the README and of docs/ from the committed results, so that none is typed by hand. `--check`
// only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main, root, Stop } from './run.mjs'
import { steps, updates } from './tables/backends.mjs'
import { batchNorm } from './tables/batch-norm.mjs'
import { benches } from './tables/benches.mjs'
import { digits } from './tables/digits.mjs'
import { estimates } from './tables/estimates.mjs'
import { inPlace } from './tables/in-place.mjs'
import { kernels } from './tables/kernels.mjs'
import { matrixSensing } from './tables/matrix-sensing.mjs'
import { comparison, profile } from './tables/profile.mjs'
import { sigmaAndK } from './tables/sigma-and-k.mjs'
import { spectrum } from './tables/spectrum.mjs'

/** THE table: which file shows what, between the marks of that name. */
const pages = {
  'README.md': { digits, 'matrix-sensing': matrixSensing, spectrum, benches },
  'docs/batch-norm.md': { 'batch-norm': batchNorm },
  'docs/performance.md': { 'in-place': inPlace, profile, comparison },
  'docs/backends.md': { steps, updates, kernels },
  'docs/curvature.md': { estimates },
  'docs/sigma-and-k.md': { 'sigma-and-k': sigmaAndK },
}

function replaced(file, text, name, content) {
  const pattern = new RegExp(`(<!-- ${name}:[^>]*-->\\n)[\\s\\S]*?(<!-- /${name} -->)`)
  if (!pattern.test(text)) throw new Stop(`${file} has no place marked '${name}'.`)
  return text.replace(pattern, (_, start, end) => `${start}\n${content}\n\n${end}`)
}

await main(() => {
  for (const [file, tables] of Object.entries(pages)) {
    const path = join(root, file)
    const before = readFileSync(path, 'utf8')
    const after = Object.entries(tables).reduce((text, [name, make]) => replaced(file, text, name, make()), before)
    if (after === before) continue
    if (process.argv.includes('--check'))
      throw new Stop(`${file} differs from bench/results: run node scripts/readme.mjs.`)
    writeFileSync(path, after)
  }
})
