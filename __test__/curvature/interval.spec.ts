import { readFileSync } from 'node:fs'
import test from 'ava'
import { interval95, studentQuantile } from '../../src/curvature/interval.ts'
import { RunningTrace } from '../../src/curvature/running-trace.ts'
import { RunningSpread, spreadOf } from '../../src/curvature/spread.ts'

const { rows } = JSON.parse(readFileSync(new URL('../oracle/intervals.json', import.meta.url), 'utf8')) as {
  rows: { degrees: number; t: number }[]
}

test("Student's quantile is scipy's", (t) => {
  for (const { degrees, t: expected } of rows) {
    t.true(Math.abs(studentQuantile(degrees) / expected - 1) < 1e-9, `${degrees}: ${studentQuantile(degrees)}`)
  }
})

test('without skewness the interval is mean ± t·error', (t) => {
  const [low, high] = interval95(10, 2, 1)
  t.true(Math.abs(high - 10 - 2 * rows[0]!.t) < 1e-9)
  t.true(Math.abs(low + high - 20) < 1e-9)
  t.deepEqual(interval95(3, 0, 5), [3, 3])
  t.deepEqual(interval95(3, Infinity, 0), [-Infinity, Infinity])
})

test('skewness moves both ends to its side, continuously, and its mirror image to the other', (t) => {
  const plain = interval95(0, 1, 30)
  const right = interval95(0, 1, 30, 0.3)
  t.true(right[0] > plain[0] && right[1] > plain[1])
  const left = interval95(0, 1, 30, -0.3)
  t.true(Math.abs(left[0] + right[1]) < 1e-12 && Math.abs(left[1] + right[0]) < 1e-12)
  for (const tiny of [9e-7, 1.1e-6]) t.true(Math.abs(interval95(0, 1, 30, tiny)[1] - plain[1]) < 1e-5)
  // The ends solve Hall's cubic: with T = −end·√n of a mean of 0 and deviation 1, T + γT²/3 + γ²T³/27 + γ/6n = ±t/√n.
  const [n, gamma] = [31, 0.3 * Math.sqrt(31)]
  for (const [end, y] of [[right[0], studentQuantile(30)] as const, [right[1], -studentQuantile(30)] as const]) {
    const T = -end / Math.sqrt(n)
    const cubic = T + (gamma * T ** 2) / 3 + (gamma ** 2 * T ** 3) / 27 + gamma / (6 * n)
    t.true(Math.abs(cubic - y / Math.sqrt(n)) < 1e-12)
  }
})

test('a running spread is the textbook’s, third moment included', (t) => {
  const samples = Array.from({ length: 23 }, (_, i) => 1e4 + Math.exp(Math.sin(3 * i)))
  const running = new RunningSpread()
  for (const one of samples) running.add(one)
  const n = samples.length
  const mean = samples.reduce((sum, x) => sum + x, 0) / n
  const moment = (power: number) => samples.reduce((sum, x) => sum + (x - mean) ** power, 0) / n
  const { deviation, standardError } = running.spread
  t.true(Math.abs(deviation / Math.sqrt((moment(2) * n) / (n - 1)) - 1) < 1e-9)
  t.true(Math.abs(standardError / (deviation / Math.sqrt(n)) - 1) < 1e-12)
  const g1 = moment(3) / moment(2) ** 1.5
  const adjusted = (g1 * Math.sqrt(n * (n - 1))) / (n - 2)
  const expected = interval95(mean, standardError, n - 1, adjusted / Math.sqrt(n))
  for (const i of [0, 1]) t.true(Math.abs(running.interval95[i]! - expected[i]!) < 1e-8)
  t.deepEqual(spreadOf(samples), running.spread)
  t.is(spreadOf([5]).standardError, Infinity)
  t.deepEqual([spreadOf([2, 2, 2]).deviation, new RunningSpread().spread.mean], [0, 0])
})

test('the interval of a decaying mean has the degrees that Satterthwaite gives its weights', (t) => {
  for (const [decay, count] of [
    [1, 7],
    [0.99, 2],
    [0.99, 50],
    [0.5, 40],
  ] as const) {
    const trace = new RunningTrace(['a'], decay)
    for (let i = 0; i < count; i++) trace.add([Math.sin(i)], 0.1)
    const { trace: mean, standardError, interval95: found } = trace.estimate()!
    const weights = Array.from({ length: count }, (_, i) => decay ** i)
    const total = weights.reduce((sum, one) => sum + one, 0)
    // tr M and tr M² of the quadratic form M = diag(w) − wwᵀ that the variance is.
    const M = weights.map((a, i) => weights.map((b, j) => (i === j ? a / total : 0) - (a * b) / total ** 2))
    const one = M.reduce((sum, row, i) => sum + row[i]!, 0)
    const two = M.flat().reduce((sum, x) => sum + x * x, 0)
    const expected = interval95(mean, standardError, one ** 2 / two)
    for (const i of [0, 1]) t.true(Math.abs(found[i]! - expected[i]!) < 1e-8 * (1 + Math.abs(expected[i]!)))
  }
  const first = new RunningTrace(['a'], 0.99)
  first.add([1], 0.1)
  t.deepEqual(first.estimate()!.interval95, [-Infinity, Infinity])
})
