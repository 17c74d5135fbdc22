import test from 'ava'
import { RunningTrace } from '../../src/curvature/running-trace.ts'

const samples = Array.from({ length: 40 }, (_, i) => [Math.sin(i * 1.7) * 3 + 10, ((i * 37) % 11) - 5])
const columns = (rows: number[][]) => [
  rows.map((row) => row[0]!),
  rows.map((row) => row[1]!),
  rows.map((row) => row[0]! + row[1]!),
]

/** Weighted mean and its standard error by the textbook, from all samples at once: reliability weights. */
function textbook(values: number[], decay: number): { mean: number; error: number } {
  const weights = values.map((_, i) => decay ** (values.length - 1 - i))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const squares = weights.reduce((total, weight) => total + weight ** 2, 0)
  const mean = values.reduce((total, value, i) => total + weights[i]! * value, 0) / sum
  const scatter = values.reduce((total, value, i) => total + weights[i]! * (value - mean) ** 2, 0)
  const variance = scatter / (sum - squares / sum)
  return { mean, error: Math.sqrt((variance * squares) / sum ** 2) }
}

const close = (a: number, b: number) => Math.abs(a - b) <= 1e-12 * (1 + Math.abs(b))

for (const decay of [1, 0.99, 0.5]) {
  test(`decay ${decay}: mean and standard error are the textbook's, for each tensor and the total`, (t) => {
    const trace = new RunningTrace(['a', 'b'], decay)
    for (let n = 1; n <= samples.length; n++) {
      trace.add(samples[n - 1]!, n / 100)
      const found = trace.estimate()!
      t.is(found.samples, n)
      t.is(found.sigma, n / 100)
      t.deepEqual(
        found.perLayer.map(({ name }) => name),
        ['a', 'b'],
      )
      if (n === 1) {
        t.is(found.standardError, Number.POSITIVE_INFINITY)
        t.is(found.trace, samples[0]![0]! + samples[0]![1]!)
        continue
      }
      const [a, b, total] = columns(samples.slice(0, n)).map((values) => textbook(values, decay))
      t.true(close(found.trace, total!.mean) && close(found.standardError, total!.error), `after ${n}`)
      for (const [i, expected] of [a!, b!].entries()) {
        const { trace: mean, standardError } = found.perLayer[i]!
        t.true(close(mean, expected.mean) && close(standardError, expected.error), `tensor ${i} after ${n}`)
      }
    }
  })
}

test('decay 1 is the plain mean and s/√n', (t) => {
  const values = [3, -1, 4, 1, -5, 9]
  const trace = new RunningTrace(['one'], 1)
  for (const value of values) trace.add([value], 0.1)
  const mean = values.reduce((sum, value) => sum + value, 0) / 6
  const s = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5)
  t.true(close(trace.estimate()!.trace, mean))
  t.true(close(trace.estimate()!.standardError, s / Math.sqrt(6)))
})

test('a decay forgets: after a change of level only the new one is left', (t) => {
  const trace = new RunningTrace(['one'], 0.5)
  for (let i = 0; i < 60; i++) trace.add([100], 0.1)
  for (let i = 0; i < 60; i++) trace.add([1], 0.1)
  t.true(Math.abs(trace.estimate()!.trace - 1) < 1e-9)
})

test('equal samples have error 0; there is no estimate before the first', (t) => {
  const trace = new RunningTrace(['one'], 0.9)
  t.is(trace.estimate(), null)
  for (let i = 0; i < 5; i++) trace.add([2], 0.1)
  t.is(trace.estimate()!.standardError, 0)
})

test('total of the errors knows what tensors have in common', (t) => {
  const trace = new RunningTrace(['up', 'down'], 1)
  for (let i = 0; i < 10; i++) trace.add([i, -i], 0.1)
  const found = trace.estimate()!
  t.is(found.standardError, 0)
  t.true(found.perLayer.every(({ standardError }) => standardError > 0.9))
})

test('save and load go on bit for bit; a state of another length is refused, nothing changed', (t) => {
  const [whole, half, rest] = [0, 0, 0].map(() => new RunningTrace(['a', 'b'], 0.97)) as [
    RunningTrace,
    RunningTrace,
    RunningTrace,
  ]
  for (const [i, sample] of samples.entries()) {
    whole.add(sample, 0.1)
    if (i < 20) half.add(sample, 0.1)
  }
  t.true(rest.load(half.save()))
  t.deepEqual(rest.estimate(), half.estimate())
  for (const sample of samples.slice(20)) rest.add(sample, 0.1)
  t.deepEqual(rest.estimate(), whole.estimate())
  t.deepEqual(rest.save(), whole.save())
  const before = rest.save()
  t.false(rest.load(before.subarray(1)))
  t.false(rest.load(new RunningTrace(['a'], 0.97).save()))
  t.deepEqual(rest.save(), before)
  const empty = new RunningTrace(['a', 'b'], 0.97)
  t.true(rest.load(empty.save()))
  t.is(rest.estimate(), null)
})
