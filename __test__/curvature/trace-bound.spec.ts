import test from 'ava'
import { publishedTraceBound } from '../../src/curvature/published-trace-bound.ts'
import { type TraceBoundInputs, traceBound } from '../../src/curvature/trace-bound.ts'
import { loadBinding } from '../../src/native/index.ts'

const gaussian = (seed: number, length: number) => loadBinding().sample(seed, 'gaussian', 9, 0, 0, 0, length)
const cases: TraceBoundInputs[] = [
  { loss: 0.02, trace: 3, radius: 4, examples: 60_000, ceiling: 1 },
  { loss: 0, trace: 5000, radius: 0.1, examples: 200, ceiling: 8, delta: 0.01 },
  { loss: 0.3, trace: 0.01, radius: 50, examples: 1e6, ceiling: 2, transfer: 0.5 },
  { loss: 0.02, trace: 95.61, radius: 16.96, examples: 60_000, ceiling: 1, transfer: 1 },
]

test('the σ given minimises it, and the two terms are then the closed form', (t) => {
  for (const [i, inputs] of cases.entries()) {
    const { trace, radius, examples, ceiling, transfer = 0 } = inputs
    const beta = 0.3 + 0.2 * i
    const { optimalSigma: sigma } = traceBound({ ...inputs, beta })
    const best = traceBound({ ...inputs, beta, sigma })
    const root = Math.sqrt((ceiling * trace * radius ** 2 * (1 - transfer * beta)) / (2 * (1 - beta) * examples)) / beta
    t.true(Math.abs((best.terms.trace + best.terms.distance) / root - 1) < 1e-12)
    t.true(Math.abs(best.terms.trace / best.terms.distance - 1) < 1e-12)
    for (let k = -100; k <= 100; k++) {
      if (k !== 0) t.true(traceBound({ ...inputs, beta, sigma: sigma * 1.01 ** k }).value > best.value)
    }
    const { loss, confidence } = best.terms
    t.true(Math.abs(loss + confidence + root - best.value) < 1e-12 * best.value)
  }
})

test('σ and β that are not given are the best of the whole grid, each at its price', (t) => {
  const zeta = Math.PI ** 2 / 3 - 1
  // The prior weights are a distribution.
  const sum = (weight: (k: number) => number, from: number) =>
    Array.from({ length: 200_000 }, (_, k) => weight(k + from)).reduce((total, one) => total + one, 0)
  t.true(Math.abs(sum((k) => 1 / (zeta * (1 + Math.abs(k)) ** 2), -100_000) - 1) < 1e-4)
  t.true(Math.abs(sum((i) => 1 / (i * (i + 1)), 1) - 1) < 1e-4)
  for (const inputs of cases) {
    const chosen = traceBound(inputs)
    let best = Infinity
    for (let i = 1; i <= 40; i++) {
      for (let k = -120; k <= 120; k++) {
        const weight = 1 / (i * (i + 1) * zeta * (1 + Math.abs(k)) ** 2)
        const fixed = { sigma: 2 ** (k / 4), beta: 1 - 2 ** -i, delta: (inputs.delta ?? 0.05) * weight }
        best = Math.min(best, traceBound({ ...inputs, ...fixed }).value)
      }
    }
    t.true(Math.abs(chosen.value / best - 1) < 1e-12, `${chosen.value} for ${best}`)
    const { loss, trace, distance, confidence } = chosen.terms
    t.is(loss + trace + distance + confidence, chosen.value)
    t.is(chosen.vacuous, chosen.value >= inputs.ceiling)
  }
})

test('a test set bound in disguise: without distance it fails as rarely as δ says, and is not empty', (t) => {
  const [examples, truth, beta] = [400, 0.1, 0.7]
  for (const delta of [0.5, 0.1]) {
    let failures = 0
    const draws = 1000
    for (let draw = 0; draw < draws; draw++) {
      const words = loadBinding().randomWords(11, 9, draw, 0, 0, examples)
      const loss = words.reduce((sum, word) => sum + (word / 2 ** 32 < truth ? 1 : 0), 0) / examples
      const still = { trace: 1e-12, radius: 1e-12, sigma: 1e-3, beta, delta }
      const { value } = traceBound({ ...still, loss, examples, ceiling: 1 })
      t.true(value < 0.4)
      if (value < truth) failures++
    }
    t.true(failures / draws <= delta, `${failures} of ${draws}`)
  }
})

/** Logistic regression in `d` dimensions with labels ±1: everything about it is known. */
const d = 5
const separator = [2, -1, 0.5, 0, 0]
function drawn(seed: number, n: number) {
  const values = gaussian(seed, n * (d + 1))
  return Array.from({ length: n }, (_, i) => {
    const x = [...values.subarray(i * (d + 1), i * (d + 1) + d)].map((one) => Math.max(-2, Math.min(2, one)))
    const score = x.reduce((sum, one, j) => sum + one * separator[j]!, 0) + 0.7 * values[i * (d + 1) + d]!
    return x.map((one) => (score > 0 ? one : -one))
  })
}
const lossOf = (margin: number) => Math.log1p(Math.exp(-margin))
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, one, i) => sum + one * b[i]!, 0)
const average = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length

function trained(examples: readonly number[][]): number[] {
  let w = new Array<number>(d).fill(0)
  for (let step = 0; step < 100; step++) {
    const slopes = examples.map((x) => -1 / (1 + Math.exp(dot(w, x))))
    w = w.map((one, j) => one - average(examples.map((x, i) => slopes[i]! * x[j]!)))
  }
  return w
}

/** E of the clipped loss under W + σU: the margin moves by σ‖x‖ times a gaussian, so one integral does. */
const nodes = Array.from({ length: 81 }, (_, i) => (i - 40) / 8)
const density = nodes.map((g) => Math.exp(-(g ** 2) / 2))
const mass = density.reduce((sum, one) => sum + one, 0)
function underNoise(w: readonly number[], x: readonly number[], sigma: number, ceiling: number): number {
  const [margin, scale] = [dot(w, x), sigma * Math.hypot(...x)]
  return nodes.reduce((sum, g, i) => sum + Math.min(ceiling, lossOf(margin + scale * g)) * density[i]!, 0) / mass
}

test('on logistic regression it holds, with and without noise, and its steps hold one by one', (t) => {
  const [n, ceiling] = [500, 3]
  const fresh = drawn(1000, 5000)
  // ∇²ℓ = p(1 − p)xxᵀ, wherever W is: the largest trace is known before the data are.
  const trace = (d * 4) / 4
  for (let seed = 0; seed < 6; seed++) {
    const examples = drawn(seed, n)
    const w = trained(examples)
    const losses = examples.map((x) => Math.min(ceiling, lossOf(dot(w, x))))
    const [loss, radius] = [average(losses), Math.hypot(...w)]
    const inputs = { loss, trace, radius, examples: n, ceiling }
    const found = traceBound(inputs)
    const { sigma } = found
    // Noise costs an example no more than the trace says.
    for (const [i, x] of examples.entries()) {
      t.true(underNoise(w, x, sigma, ceiling) <= losses[i]! + (trace * sigma ** 2) / 2 + 1e-9)
    }
    const noisy = average(fresh.map((x) => underNoise(w, x, sigma, ceiling)))
    const plain = average(fresh.map((x) => Math.min(ceiling, lossOf(dot(w, x)))))
    t.true(noisy <= found.value && plain <= noisy, `${plain} ≤ ${noisy} ≤ ${found.value}`)
    t.false(found.vacuous, `${found.value}`)
    // Where noise costs new data as much as old, the better rate may be claimed, and holds.
    const rise = average(examples.map((x) => underNoise(w, x, sigma, ceiling))) - loss
    const transfer = Math.max(0, Math.min(1, (noisy - plain) / rise))
    const sharper = traceBound({ ...inputs, transfer })
    t.true(sharper.value < found.value && sharper.value > plain)
  }
})

test("the published code's inputs give the published code's number, and the root form", (t) => {
  const inputs = { traces: [37.97, 57.64], norms: [16.31, 4.64], ceiling: 0.1379, examples: 60_000 }
  const { value, root, method } = publishedTraceBound(inputs)
  t.is(value.toFixed(4), '0.0933')
  t.is(root.toFixed(3), '0.251')
  t.is(method, 'published-trace-bound')
})
