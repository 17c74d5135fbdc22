import test from 'ava'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { type FunctionTrace, traceOf } from '../../src/curvature/trace-of.ts'

const untimed = ({ wallMs, ...rest }: FunctionTrace) => rest

const n = 300
const eigenvalues = Array.from({ length: n }, (_, i) => 0.5 + 4 * (i / n) ** 2)
/** A reflection turns the diagonal: eigenvectors that no start of ±1 is along, eigenvalues as they were. */
const axis = Float64Array.from({ length: n }, (_, i) => Math.sin(1 + i * i))
const length = Math.hypot(...axis)
const reflected = (v: ArrayLike<number>) => {
  const dot = (2 * axis.reduce((sum, x, i) => sum + x * v[i]!, 0)) / length ** 2
  return Float64Array.from(axis, (x, i) => v[i]! - dot * x)
}
const H = {
  ...fromMatvec(n, (v) => Float32Array.from(reflected(reflected(v).map((x, i) => x * eigenvalues[i]!)))),
  passes: 3,
}

const functions: [string, (x: number) => number][] = [
  ['log-determinant', Math.log],
  ['trace of the inverse', (x) => 1 / x],
  ['exponential', Math.exp],
  ['squares', (x) => x * x],
  ['trace', (x) => x],
]

for (const distribution of ['rademacher', 'gaussian'] as const) {
  for (const [name, f] of functions) {
    test(`${name}, ${distribution}: within four standard errors, few steps are enough and it knows`, async (t) => {
      const truth = eigenvalues.reduce((sum, one) => sum + f(one), 0)
      const found = await traceOf(H, f, { probes: 20, steps: 24, distribution, seed: 1 })
      const scale = eigenvalues.reduce((sum, one) => sum + Math.abs(f(one)), 0)
      t.true(found.standardError < 0.03 * scale, `${found.standardError} of ${scale}`)
      t.true(Math.abs(found.mean - truth) < 4 * found.standardError, `${found.mean} ${truth} ${found.standardError}`)
      t.true(found.truncation < found.standardError, String(found.truncation))
      t.is(found.passes, 3 * 20 * 24)
      t.true(found.interval95[0] < found.mean && found.mean < found.interval95[1])
    })
  }
}

test('the trace of a constant is exact; a diagonal under starts of ±1 as well', async (t) => {
  const one = await traceOf(H, () => 1, { probes: 3 })
  t.true(Math.abs(one.mean - n) < 1e-9)
  t.true(one.standardError < 1e-9)
  const diagonal = fromMatvec(6, (v) => v.map((x, i) => x * (i + 1)))
  const log = await traceOf(diagonal, Math.log, { probes: 3 })
  t.true(Math.abs(log.mean - Math.log(720)) < 1e-5, String(log.mean))
  t.true(log.standardError < 1e-5)
})

test('eigenvalues above a bound are counted, within both errors', async (t) => {
  const truth = eigenvalues.filter((one) => one > 2).length
  const found = await traceOf(H, (x) => (x > 2 ? 1 : 0), { probes: 20, steps: 60 })
  t.true(Math.abs(found.mean - truth) < 4 * found.standardError + found.truncation, `${found.mean} ${truth}`)
})

test('truncation tells of steps that are too few, which the standard error does not', async (t) => {
  const f = (x: number) => 1 / (x - 0.499)
  const few = await traceOf(H, f, { probes: 30, steps: 6 })
  const many = await traceOf(H, f, { probes: 30, steps: 120 })
  t.true(Math.abs(few.mean - many.mean) > 4 * few.standardError)
  t.true(few.truncation > 4 * few.standardError, `${few.truncation} ${few.mean} ${many.mean}`)
  t.true(many.truncation < few.truncation)
})

test('one step has no half to compare with, unless it ends the run', async (t) => {
  const { truncation } = await traceOf(H, (x) => x * x, { steps: 1 })
  t.is(truncation, Infinity)
  const identity = fromMatvec(20, (v) => v.slice())
  const { mean, truncation: none } = await traceOf(identity, (x) => x * x, { steps: 1 })
  t.true(Math.abs(mean - 20) < 1e-4)
  t.is(none, 0)
})

test('with normal starts of the same seed it is the moments of spectralDensity', async (t) => {
  const { moments } = await spectralDensity(H, { probes: 4, steps: 20, seed: 9 })
  for (const [i, { mean, standardError }] of moments.entries()) {
    const options = { probes: 4, steps: 20, seed: 9, distribution: 'gaussian' } as const
    const found = await traceOf(H, (x) => x ** (i + 1), options)
    t.true(Math.abs(found.mean / n / mean - 1) < 1e-12)
    t.true(Math.abs(found.standardError / n / standardError - 1) < 1e-9)
  }
})

test('an f that is not defined at a node says which; what f throws is its own', async (t) => {
  const indefinite = fromMatvec(4, (v) => v.map((x, i) => x * (i - 1.5)))
  const error = await t.throwsAsync(traceOf(indefinite, Math.log), { code: 'ERR_NOT_FINITE' })
  t.regex(error.message, /received NaN at -1\.(5|49)/)
  const zero = fromMatvec(4, (v) => v.map(() => 0))
  t.regex((await t.throwsAsync(traceOf(zero, Math.log))).message, /received -Infinity at 0\. /)
  const mine = new RangeError('mine')
  const thrown = await t.throwsAsync(
    traceOf(H, () => {
      throw mine
    }),
  )
  t.is(thrown, mine as never)
})

test('equal seeds give equal bits; a signal ends it with the runs that are complete', async (t) => {
  const one = await traceOf(H, Math.log, { probes: 2, steps: 10, seed: 1 })
  t.deepEqual(untimed(await traceOf(H, Math.log, { probes: 2, steps: 10, seed: 1 })), untimed(one))
  const abortedAfter = async (products: number) => {
    const controller = new AbortController()
    const onProgress = ({ done }: { done: number }) => void (done === products && controller.abort())
    const run = traceOf(H, Math.log, { probes: 3, steps: 10, seed: 1, signal: controller.signal, onProgress })
    const error = await t.throwsAsync(run, { instanceOf: AbortedError })
    return error.partial as FunctionTrace | null
  }
  const partial = (await abortedAfter(25))!
  t.is(partial.mean, one.mean)
  t.is(partial.probes, 2)
  t.is(await abortedAfter(15), null)
})
