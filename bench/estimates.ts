// How far estimates of the trace are off for the same products, on spectra that are known: one that falls, one that is flat.
// No times are taken, so any machine will do. Half a minute.
//
//   node --import=@oxc-node/core/register bench/estimates.ts [--quick] [--save]
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fromMatvec, type Operator, trace } from '../src/index.ts'
import { packageRoot } from '../src/native/index.ts'
import { commit, versions } from './harness/machine.ts'

/** Root mean squares over the seeds, as shares of the trace. */
interface Row {
  readonly spectrum: string
  readonly estimator: string
  readonly products: number
  /** Of what it was off by. */
  readonly error: number
  /** Of the standard error that it gave. */
  readonly stated: number
}

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, save: { type: 'boolean' } } })
const settings = { size: 1024, seeds: values.quick ? 5 : 100, products: [12, 36, 108] }
const source = commit()

const spectra: Record<string, (i: number) => number> = {
  'falls: λₖ = 1/k²': (i) => 1 / (i + 1) ** 2,
  'flat: λₖ from ½ to 1': (i) => 0.5 + 0.5 * (i / settings.size),
}

/** Eigenvalues turned by Hadamard's transform: eigenvectors that spread over all elements, as those of nets do. */
function turned(eigenvalues: readonly number[]): Operator {
  const { length } = eigenvalues
  const transformed = (v: Float64Array) => {
    for (let half = 1; half < length; half *= 2) {
      for (let i = 0; i < length; i++) {
        if ((i & half) !== 0) continue
        const [left, right] = [v[i]!, v[i + half]!]
        v[i] = left + right
        v[i + half] = left - right
      }
    }
    return v
  }
  return fromMatvec(length, (v) => {
    const inside = transformed(Float64Array.from(v)).map((one, i) => (one * eigenvalues[i]!) / length)
    return Float32Array.from(transformed(inside))
  })
}

type Estimate = Promise<{ readonly mean: number; readonly standardError: number }>
const estimators: Record<string, (H: Operator, products: number, seed: number) => Estimate> = {
  hutchinson: (H, probes, seed) => trace(H, { probes, seed }),
  'hutchinson, gaussian': (H, probes, seed) => trace(H, { probes, seed, distribution: 'gaussian' }),
  'hutch++': (H, probes, seed) => trace(H, { probes, seed, method: 'hutch++' }),
}

const rows: Row[] = []
for (const [spectrum, at] of Object.entries(spectra)) {
  const eigenvalues = Array.from({ length: settings.size }, (_, i) => at(i))
  const [H, truth] = [turned(eigenvalues), eigenvalues.reduce((sum, one) => sum + one, 0)]
  for (const [estimator, run] of Object.entries(estimators)) {
    for (const products of settings.products) {
      let [error, stated] = [0, 0]
      for (let seed = 0; seed < settings.seeds; seed++) {
        const { mean, standardError } = await run(H, products, seed)
        error += (mean - truth) ** 2 / settings.seeds
        stated += standardError ** 2 / settings.seeds
      }
      const row = { spectrum, estimator, products, error: Math.sqrt(error) / truth, stated: Math.sqrt(stated) / truth }
      rows.push(row)
      console.log(JSON.stringify(row))
    }
  }
}
if (values.save) {
  const date = new Date().toISOString().slice(0, 10)
  const found = { kind: 'estimates', ...source, date, versions: versions({}), settings, rows }
  writeFileSync(join(packageRoot(), 'bench/results/estimates.json'), `${JSON.stringify(found, null, 2)}\n`)
}
