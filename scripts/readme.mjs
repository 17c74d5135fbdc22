// Writes the README's figures from the committed results, so that none is typed by hand. `--check` only compares.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main, root, Stop } from './run.mjs'

const names = { adam: 'Adam', sam: 'SAM', nso: 'NSO' }

/** One row a backend and method of `bench/results/digits-*.json`. */
function digits() {
  const folder = join(root, 'bench', 'results')
  const results = readdirSync(folder)
    .filter((file) => /^digits-.*\.json$/.test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
  const rows = results.flatMap(({ backend, images, gradientEvaluations, methods }) =>
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
  const head = [
    '',
    'method',
    'test accuracy at the end',
    'best of ten',
    'train loss',
    'test loss',
    'trace',
    'ms a step',
  ]
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** A figure to the place of its error's second digit. */
function round(value, error) {
  const places = Math.max(0, 1 - Math.floor(Math.log10(error)))
  return value.toLocaleString('en', { minimumFractionDigits: places, maximumFractionDigits: places })
}

function replaced(text, name, content) {
  const pattern = new RegExp(`(<!-- ${name}:[^>]*-->\\n)[\\s\\S]*?(<!-- /${name} -->)`)
  if (!pattern.test(text)) throw new Stop(`README.md has no place marked '${name}'.`)
  return text.replace(pattern, (_, start, end) => `${start}\n${content}\n\n${end}`)
}

await main(() => {
  const file = join(root, 'README.md')
  const before = readFileSync(file, 'utf8')
  const after = replaced(before, 'digits', digits())
  if (process.argv.includes('--check')) {
    if (after !== before) throw new Stop('README.md differs from bench/results: run node scripts/readme.mjs.')
    return
  }
  writeFileSync(file, after)
})
