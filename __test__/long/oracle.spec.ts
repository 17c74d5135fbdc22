import test from 'ava'
import { fromMatvec, type Operator } from '../../src/curvature/operator.ts'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { trace } from '../../src/curvature/trace.ts'
import { nets } from '../curvature/nets.ts'
import { known } from '../curvature/oracle-constants.ts'
import { backends, onEachBackend } from '../helpers/backends.ts'
import { exact, l1 } from '../helpers/density.ts'

/** The fastest backend there is: what these tests are about does not depend on it, as products are checked in curvature/oracle.spec.ts. */
const fastest = backends.slice(-1)

for (const [i, { name, shapes, spectrum, trace: sum, pyhessian, eigenthings }] of known.entries()) {
  onEachBackend(
    test,
    `top eigenvalues and trace of PyHessian and hessian-eigenthings: ${name}`,
    async (t) => {
      const net = nets[name]!(i + 1, shapes)
      const top = { count: 5, tolerance: 1e-5, steps: Math.min(net.operator.size, 150) } as const
      const { values, converged } = await topEigenvalues(net.operator, { ...top, which: 'magnitude' })
      t.deepEqual(converged, [true, true, true, true, true])
      for (const other of [pyhessian, eigenthings]) {
        for (const [k, value] of values.entries()) t.true(apart(value, other.values[k]!) <= 1e-4, `${values}`)
      }
      const { values: largest } = await topEigenvalues(net.operator, top)
      for (const [k, value] of largest.entries()) t.true(apart(value, spectrum.at(-1 - k)!) <= 1e-4, `${largest}`)
      const { mean, standardError } = await trace(net.operator, { probes: 100 })
      for (const other of [pyhessian, eigenthings, { trace: sum, standardError: 0 }]) {
        const error = Math.hypot(standardError, other.standardError)
        t.true(Math.abs(mean - other.trace) <= 3 * error, `${mean} ± ${error}, ${other.trace}`)
      }
      net.dispose()
    },
    fastest,
  )

  onEachBackend(
    test,
    `density of PyHessian from the same starts: ${name}`,
    async (t) => {
      const net = nets[name]!(i + 1, shapes)
      const { starts, steps, width, nodes, weights } = pyhessian.density
      const given = starts.map((one) => Float32Array.from(one, (sign) => (sign === '+' ? 1 : -1)))
      const options = { starts: given, steps, points: 20_000 }
      const theirs = nodes.map((row, k) => ({ nodes: row, weights: weights[k]! }))
      const distance = async (width: number, orthogonal: boolean) =>
        l1(await spectralDensity(net.operator, { ...options, width, orthogonal }), theirs, width)
      // Theirs is narrower than the nodes lie apart: it shows each of them, and so any that moved.
      const [kept, free] = [await distance(width, true), await distance(width, false)]
      t.true(kept <= 0.02, `${kept}`)
      // Where steps × width is half the span or more, no basis is needed.
      const all = nodes.flat()
      const wide = (0.6 * (Math.max(...all) - Math.min(...all))) / steps
      const smooth = await distance(wide, false)
      t.true(smooth <= 0.02, `${smooth}`)
      t.log(
        `L1 at their width: ${kept} with the basis, ${free} without; at ${wide / width} times that: ${smooth} without`,
      )
      net.dispose()
    },
    fastest,
  )
}

for (const [i, { name, shapes, spectrum }] of known.entries()) {
  // Larger ones take minutes, and say the same.
  if (spectrum.length > 200) continue
  onEachBackend(
    test,
    `density of the dense matrix: ${name}`,
    async (t) => {
      const net = nets[name]!(i + 1, shapes)
      const width = (spectrum.at(-1)! - spectrum[0]!) / 100
      const options = { probes: 1000, steps: 40, width, points: 2000 }
      const found = await spectralDensity(await denseOf(net.operator), options)
      const distance = l1(found, [exact(spectrum)], width)
      t.true(distance <= 0.02, `${distance}`)
      net.dispose()
    },
    fastest,
  )
}

const apart = (a: number, b: number) => Math.abs(a - b) / Math.abs(b)

/** The same operator, its columns computed once. */
async function denseOf(operator: Operator): Promise<Operator> {
  const { size } = operator
  const columns: Float32Array[] = []
  for (let j = 0; j < size; j++) {
    const unit = new Float32Array(size)
    unit[j] = 1
    columns.push(await operator.matvec(unit))
  }
  return fromMatvec(size, (v) => {
    const out = new Float64Array(size)
    for (let j = 0; j < size; j++) {
      const [column, factor] = [columns[j]!, v[j]!]
      for (let i = 0; i < size; i++) out[i]! += column[i]! * factor
    }
    return Float32Array.from(out)
  })
}
