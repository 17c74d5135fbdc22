import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import type { MatrixSensing } from '../../../src/report/matrix-sensing.ts'

const folder = new URL('../../../bench/results/matrix-sensing/', import.meta.url)

for (const file of readdirSync(folder)) {
  test(`committed result ${file}: GD does not find the matrix, NSO does, and one-sided noise less well`, (t) => {
    const result = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as MatrixSensing
    t.is(file, `seed-${result.seed}.json`)
    t.like(result, { complete: true, smoke: false, steps: 5000, dimension: 100, rank: 5, measurements: 2500 })
    t.true(result.gd!.validation > 1)
    t.true(result.nso!.validation < 1e-3)
    t.true(result.oneSided!.validation > 3 * result.nso!.validation)
  })
}
