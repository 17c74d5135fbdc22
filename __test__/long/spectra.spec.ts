import { readFileSync } from 'node:fs'
import test from 'ava'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { trace } from '../../src/curvature/trace.ts'
import { larger } from '../curvature/nets.ts'
import { backends, onEachBackend } from '../helpers/backends.ts'
import { exact, l1 } from '../helpers/density.ts'

interface Known {
  readonly name: string
  readonly shapes: number[][]
  readonly loss: number
  readonly trace: number
  /** All eigenvalues of the dense matrix, ascending. */
  readonly spectrum: number[]
}

const file = new URL('../oracle/spectra.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Known[] }
/** How many it takes: the more evenly eigenvalues are spread, the more. */
const starts: Readonly<Record<string, number>> = { 'mlp, 1,870 weights': 100, 'conv, 1,518 weights': 30 }
const apart = (a: number, b: number) => Math.abs(a / b - 1)

for (const [i, { name, shapes, loss, trace: sum, spectrum }] of cases.entries()) {
  onEachBackend(
    test,
    `the dense matrix of torch: ${name}`,
    async (t) => {
      t.timeout(900_000)
      const net = larger[name]!(i + 1, shapes)
      t.true(apart(net.loss(), loss) < 2e-6, `${net.loss()} ${loss}`)
      const { values, converged } = await topEigenvalues(net.operator, { count: 5, tolerance: 1e-5 })
      t.deepEqual(converged, [true, true, true, true, true])
      for (const [k, value] of values.entries()) t.true(apart(value, spectrum.at(-1 - k)!) <= 1e-4, `${values}`)
      const { mean, standardError } = await trace(net.operator, { probes: 100 })
      t.true(Math.abs(mean - sum) <= 3 * standardError, `${mean} ± ${standardError}, ${sum}`)
      // A start tells the number of k eigenvalues within a width to √(2/k); evenly spread, k would be 66 of 1,870.
      const width = (spectrum.at(-1)! - spectrum[0]!) / 100
      const found = await spectralDensity(net.operator, { probes: starts[name]!, width })
      const distance = l1(found, [exact(spectrum)], width)
      t.log(`L1 = ${distance}`)
      t.true(distance <= 0.02, `${distance}`)
      net.dispose()
    },
    backends.slice(-1),
  )
}
