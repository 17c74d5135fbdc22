import test from 'ava'
import { AbortedError } from '../../src/curvature/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { type SpectralDensity, spectralDensity } from '../../src/curvature/spectral-density.ts'
import { l1 } from '../helpers/density.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code

const untimed = ({ wallMs, ...rest }: SpectralDensity) => rest
const values = Float32Array.from({ length: 4000 }, (_, i) => (i < 40 ? 3 + i / 40 : 1.5 * Math.sin(i)))
const diagonal = { ...fromMatvec(values.length, (v) => v.map((x, i) => x * values[i]!)), passes: 3 }

/** ∫ f over the grid, by trapezoids. */
function integral({ grid }: SpectralDensity, f: (i: number) => number): number {
  return grid.slice(1).reduce((sum, at, i) => sum + ((f(i) + f(i + 1)) / 2) * (at - grid[i]!), 0)
}

test('it integrates to 1, and is the smoothed spectrum', async (t) => {
  const found = await spectralDensity(diagonal, { probes: 8, width: 0.1 })
  t.true(Math.abs(integral(found, (i) => found.density[i]!) - 1) < 1e-3)
  const scale = 1 / (0.1 * Math.sqrt(2 * Math.PI) * values.length)
  const truth = found.grid.map((at) =>
    values.reduce((sum, value) => sum + scale * Math.exp(-0.5 * ((at - value) / 0.1) ** 2), 0),
  )
  const apart = integral(found, (i) => Math.abs(found.density[i]! - truth[i]!))
  t.true(apart < 0.05, String(apart))
  t.is(found.passes, 3 * 8 * found.steps)
  t.true(found.spread.some((one) => one > 0))
})

test('ten outliers of 670,000 eigenvalues: it integrates to 1, and the outliers are nodes', async (t) => {
  const size = 670_000
  const spectrum = Float32Array.from({ length: size }, (_, i) => (i < 10 ? 50 * 0.7 ** i : -0.02 + 0.32 * (i / size)))
  const H = fromMatvec(size, (v) => {
    const product = new Float32Array(size)
    for (let i = 0; i < size; i++) product[i] = v[i]! * spectrum[i]!
    return product
  })
  for (const options of [{ probes: 1 }, { probes: 1, steps: 25, width: 0.1, orthogonal: true }]) {
    const found = await spectralDensity(H, options)
    t.true(Math.abs(integral(found, (i) => found.density[i]!) - 1) < 1e-3, JSON.stringify(options))
    for (const { nodes, weights } of found.runs) {
      t.true(Math.abs(weights.reduce((a, b) => a + b, 0) - 1) < 1e-9)
      for (const value of spectrum.subarray(0, 10)) {
        t.true(Math.min(...nodes.map((node) => Math.abs(node / value - 1))) < 1e-6, `${value}: ${nodes}`)
      }
    }
    const truth = spectrum.reduce((sum, value) => sum + value, 0) / size
    t.true(Math.abs(found.moments[0]!.mean / truth - 1) < 0.005, `${found.moments[0]!.mean} ${truth}`)
  }
})

test('without a basis outliers come up again, which only a curve too narrow for its steps shows', async (t) => {
  const H = fromMatvec(2000, (v) => v.map((x, i) => x * (i < 20 ? 50 * 0.95 ** i : 10 * Math.cos(i))))
  const kept = await spectralDensity(H, { probes: 2, orthogonal: true })
  const free = await spectralDensity(H, { probes: 2 })
  const outermost = ({ runs }: SpectralDensity) => runs[0]!.nodes.filter((node) => Math.abs(node / 50 - 1) < 1e-5)
  t.is(outermost(kept).length, 1)
  t.true(outermost(free).length > 1)
  const span = kept.runs[0]!.nodes.at(-1)! - kept.runs[0]!.nodes[0]!
  const apart = async (width: number) =>
    l1(await spectralDensity(H, { probes: 2, width, points: 5000 }), kept.runs, width)
  const [usual, half, narrow] = [await apart(free.width), await apart(span / 160), await apart(span / 400)]
  t.log(`of the usual width ${usual}, steps × width of half the span ${half}, of a fifth ${narrow}`)
  t.true(usual < 1e-5 && half < 0.01, `${usual} ${half}`)
  t.true(narrow > 0.05, String(narrow))
})

test('it integrates to 1 however narrow the width and however coarse the grid', async (t) => {
  const two = fromMatvec(400, (v) => v.map((x, i) => (i % 2 === 0 ? x : -3 * x)))
  for (const operator of [diagonal, two]) {
    for (const width of [1, 0.1, 0.02, 1e-3, 1e-5, 1e-9, 1e-300]) {
      for (const points of [10, 37, 1000, undefined]) {
        const found = await spectralDensity(operator, { probes: 2, steps: 10, width, ...(points && { points }) })
        const whole = integral(found, (i) => found.density[i]!)
        t.true(Math.abs(whole - 1) < 1e-3, `${whole}, width ${width}, ${points} points`)
        t.is(found.width, width)
      }
    }
  }
})

test('on a grid coarser than the width it is the histogram of the nodes, a cell around each point', async (t) => {
  const { grid, density, runs } = await spectralDensity(diagonal, { probes: 3, steps: 20, width: 1e-7, points: 60 })
  const step = grid[1]! - grid[0]!
  for (const [i, at] of grid.entries()) {
    const inside = runs.flatMap(({ nodes, weights }) =>
      weights.filter((_, k) => nodes[k]! >= at - step / 2 && nodes[k]! < at + step / 2),
    )
    const share = inside.reduce((sum, weight) => sum + weight, 0) / runs.length
    t.true(Math.abs(density[i]! * step - share) < 1e-7, `${at}: ${density[i]! * step} ${share}`)
  }
})

test('a narrow width has the grid that it needs: the curve there is the sum of the Gaussians itself', async (t) => {
  const width = 1e-3
  const found = await spectralDensity(diagonal, { probes: 2, steps: 10, width })
  t.true(found.grid.length > 1000 && found.grid.length <= 10_000, String(found.grid.length))
  t.true(found.grid[1]! - found.grid[0]! <= width)
  t.true(l1(found, found.runs, width) < 1e-12)
  t.is((await spectralDensity(diagonal, { probes: 2, steps: 10 })).grid.length, 1000)
  t.is((await spectralDensity(diagonal, { probes: 2, steps: 10, width: 1e-9 })).grid.length, 10_000)
})

test('moments are those of the eigenvalues within four standard errors', async (t) => {
  const { moments, runs } = await spectralDensity(diagonal, { probes: 16, steps: 20 })
  for (const [i, { mean, standardError }] of moments.entries()) {
    const truth = values.reduce((sum, value) => sum + value ** (i + 1), 0) / values.length
    t.true(Math.abs(mean - truth) < 4 * standardError, `${i}: ${mean} ${truth} ${standardError}`)
  }
  for (const { weights } of runs) t.true(Math.abs(weights.reduce((a, b) => a + b, 0) - 1) < 1e-9)
})

test('intervals of moments cover 95 times in 100 from 4 starts on, where two standard errors do not', async (t) => {
  const small = Float32Array.from({ length: 300 }, (_, i) => (i < 5 ? 10 : Math.sin(i)))
  const operator = fromMatvec(small.length, (v) => v.map((x, i) => x * small[i]!))
  const repeats = 1000
  for (const [i, power] of [1, 2].entries()) {
    const truth = small.reduce((sum, value) => sum + value ** power, 0) / small.length
    let [covered, near] = [0, 0]
    for (let seed = 0; seed < repeats; seed++) {
      // Two products are exact up to degree 3.
      const { moments } = await spectralDensity(operator, { probes: 4, steps: 2, points: 10, seed })
      const { mean, standardError, interval95 } = moments[i]!
      if (interval95[0] <= truth && truth <= interval95[1]) covered++
      if (Math.abs(mean - truth) <= 2 * standardError) near++
    }
    t.true(covered > 0.92 * repeats && covered < 0.97 * repeats, `${covered}`)
    t.true(near < 0.88 * repeats, `${near}`)
  }
  const single = await spectralDensity(operator, { probes: 1, steps: 2, points: 10 })
  t.deepEqual(single.moments[0]!.interval95, [-Infinity, Infinity])
  t.deepEqual(single.moments[1]!.interval95, [0, Infinity])
  // One outlier among many: Hall's interval of so skewed a sample would go below 0.
  const outlier = fromMatvec(300, (v) => v.map((x, i) => (i === 0 ? 100 * x : 0.01 * x)))
  for (let seed = 0; seed < 50; seed++) {
    const { moments } = await spectralDensity(outlier, { probes: 3, steps: 4, points: 10, seed })
    for (const i of [1, 3]) t.true(moments[i]!.interval95[0] >= 0, `${seed}: ${moments[i]!.interval95}`)
  }
})

test('a start too short for float32 is refused by its length', async (t) => {
  const operator = fromMatvec(3, (v) => v.slice())
  const error = await t.throwsAsync(spectralDensity(operator, { starts: [Float32Array.of(1e-39, 1e-39, 2e-39)] }))
  t.like(error, { code: 'ERR_INVALID_ARGUMENT' })
  t.regex(error!.message, /start of positive norm/)
})

test('rounding from one start to the next is no span', async (t) => {
  for (const scale of [1, 2, 1e-5, 1e20]) {
    const { width, grid, density } = await spectralDensity(fromMatvec(1000, (v) => v.map((x) => scale * x)))
    t.true(Math.abs(width - scale / 100) < 1e-6 * scale, String(width))
    // One peak, of a normal density with that deviation.
    const peak = density.indexOf(Math.max(...density))
    t.true(Math.abs(grid[peak]! - scale) < width)
    t.true(Math.abs(density[peak]! * width * Math.sqrt(2 * Math.PI) - 1) < 0.01)
  }
})

test('a multiple of the identity has one node a run, and a curve all the same', async (t) => {
  const found = await spectralDensity(fromMatvec(50, (v) => v.map((x) => 2 * x)))
  for (const { nodes, weights } of found.runs) {
    t.is(nodes.length, 1)
    t.true(Math.abs(nodes[0]! - 2) < 1e-6)
    t.is(weights[0], 1)
  }
  t.true(Math.abs(integral(found, (i) => found.density[i]!) - 1) < 1e-3)
  for (const width of [1e-300, 1e38]) {
    const other = await spectralDensity(
      fromMatvec(50, (v) => v.map((x) => 2 * x)),
      { width },
    )
    t.true(Math.abs(integral(other, (i) => other.density[i]!) - 1) < 1e-3, String(width))
  }
  const zero = await spectralDensity(fromMatvec(50, (v) => v.map(() => 0)))
  t.is(zero.runs[0]!.nodes[0], 0)
})

test('equal seeds give equal bits; a signal ends it with the runs that are complete', async (t) => {
  const one = await spectralDensity(diagonal, { probes: 2, steps: 10, seed: 1 })
  t.deepEqual(untimed(await spectralDensity(diagonal, { probes: 2, steps: 10, seed: 1 })), untimed(one))
  const controller = new AbortController()
  const run = spectralDensity(diagonal, {
    probes: 3,
    steps: 10,
    seed: 1,
    signal: controller.signal,
    onProgress: ({ done }) => void (done === 25 && controller.abort()),
  })
  const error = await t.throwsAsync(run, { instanceOf: AbortedError })
  t.deepEqual((error.partial as SpectralDensity).runs, one.runs)
})

test('no basis is kept: memory is the same for any number of steps', async (t) => {
  const [few, many] = [
    await spectralDensity(diagonal, { probes: 1, steps: 10 }),
    await spectralDensity(diagonal, { probes: 2, steps: 200 }),
  ]
  t.is(many.bytes, few.bytes)
  t.true(many.bytes <= 5 * 4 * (values.length + 64), String(many.bytes))
  t.true(many.wallMs > 0)
})

test('bad options are refused', async (t) => {
  const rows = [
    { probes: 0 },
    { steps: 1 },
    { points: 9 },
    { width: 0 },
    { width: 1e300 },
    { seed: -1 },
    { lanczos: 1 },
  ]
  for (const row of rows) {
    t.is(
      code(await t.throwsAsync(spectralDensity(diagonal, row as never))),
      'ERR_INVALID_ARGUMENT',
      JSON.stringify(row),
    )
  }
})
