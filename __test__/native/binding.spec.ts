import test from 'ava'
import { loadBinding } from '../../src/native/index.ts'

const { Workspace, alignedArray, sample, randomWords, selfTest } = loadBinding()
const last = {
  ...{ last: 1, pair: 0, sum: 0, scale: 1, perturbation: -1, first: true, lastOf: 1 },
  ...{ learningRate: 0.1, beta1: 0, beta2: 0, epsilon: 0, step: 1 },
}
const uphill = { last: 1, pair: 0, metric: 'plain' }

function workspace(sizes = [3, 2], rule = 'sgd', sums = 1) {
  const made = new Workspace(sizes, rule, { sums })
  made.load(sizes.map((size) => new Float32Array(size).fill(1)))
  made.begin(1, 'gaussian', 10, 0, 0, new Float32Array(sizes.length).fill(0.1), true)
  return made
}

const floats = (...sizes: number[]) => sizes.map((size) => new Float32Array(size))

/** What a pass is given instead of outputs for tensors of 3 and 2 elements, and the code that it gets back. */
const bad: [string, string, () => unknown[]][] = [
  ['too few arrays', 'ERR_SHAPE', () => floats(3)],
  ['too many arrays', 'ERR_SHAPE', () => floats(3, 2, 1)],
  ['a short array', 'ERR_SHAPE', () => floats(3, 1)],
  ['a long array', 'ERR_SHAPE', () => floats(4, 2)],
  ['a gap', 'ERR_INVALID_ARGUMENT', () => [new Float32Array(3), null]],
  ['doubles', 'ERR_DTYPE', () => [new Float64Array(3), new Float32Array(2)]],
  ['integers', 'ERR_DTYPE', () => [new Float32Array(3), new Int32Array(2)]],
  ['a plain array', 'ERR_DTYPE', () => [[1, 2, 3], new Float32Array(2)]],
  ['a string', 'ERR_DTYPE', () => ['abc', new Float32Array(2)]],
  ['shared memory', 'ERR_SHARED', () => [new Float32Array(new SharedArrayBuffer(12)), new Float32Array(2)]],
  [
    'a detached buffer',
    'ERR_DETACHED',
    () => {
      const gone = new Float32Array(3)
      structuredClone(gone, { transfer: [gone.buffer] })
      return [gone, new Float32Array(2)]
    },
  ],
  [
    'the same memory twice',
    'ERR_OVERLAP',
    () => {
      const memory = new Float32Array(4)
      return [memory.subarray(0, 3), memory.subarray(2, 4)]
    },
  ],
]

for (const [what, code, make] of bad) {
  test(`outputs with ${what} are refused`, (t) => {
    const made = workspace()
    const g = floats(3, 2)
    const out = () => make() as Float32Array[]
    const calls: [string, () => unknown][] = [
      ['restore', () => made.restore(out())],
      ['perturb', () => made.perturb(0, out())],
      ['flip', () => made.flip(0, g, out())],
      ['collect', () => made.collect(0, 1, true, g, out())],
      ['ascend', () => made.ascend(new Float32Array(2), uphill, null, g, out())],
      ['finish', () => made.finish(last, g, out())],
    ]
    for (const [name, call] of calls) t.throws(call, { code }, name)
    const w = floats(3, 2)
    made.restore(w)
    t.deepEqual(w, [new Float32Array(3).fill(1), new Float32Array(2).fill(1)])
  })
}

test('a gradient that shares memory with an output is refused, with another gradient it is not', (t) => {
  const made = workspace([2, 2])
  const memory = new Float32Array(4)
  const [left, right] = [memory.subarray(0, 2), memory.subarray(2)]
  t.throws(() => made.flip(0, [left, right], [right, new Float32Array(2)]), { code: 'ERR_OVERLAP' })
  t.notThrows(() => made.flip(0, [left, left], floats(2, 2)))
})

test('elements that run code when they are fetched cannot pull memory away', (t) => {
  const made = workspace()
  const first = new Float32Array(3)
  const out = [first, new Float32Array(2)]
  Object.defineProperty(out, 1, {
    get() {
      structuredClone(first, { transfer: [first.buffer] })
      return new Float32Array(2)
    },
  })
  t.throws(() => made.perturb(0, out), { code: 'ERR_DETACHED' })
})

test('numbers out of range, unknown names and calls after dispose are refused', (t) => {
  const invalid = { code: 'ERR_INVALID_ARGUMENT' }
  for (const size of [-1, 1.5, Number.NaN, 2 ** 31]) t.throws(() => new Workspace([size], 'sgd', { sums: 0 }), invalid)
  t.throws(() => new Workspace([], 'sgd', { sums: 0 }), invalid)
  t.throws(() => new Workspace([1], 'sdg', { sums: 0 }), invalid)
  t.throws(() => new Workspace([1], 'sgd', { sums: 3 }), invalid)
  t.throws(() => new Workspace([1], 'sgd', { sums: 0 }, { threads: -1 }), invalid)
  t.throws(() => new Workspace([1], 'sgd', { sums: 0 }, { simd: 'mmx' }), { code: 'ERR_UNSUPPORTED' })
  const made = workspace()
  const begin = (changes: object) => {
    const all = { seed: 1, distribution: 'gaussian', rounds: 10, step: 0, scales: new Float32Array(2), ...changes }
    made.begin(all.seed, all.distribution, all.rounds, 0, all.step, all.scales, true)
  }
  for (const j of [-1, 0.5, 2 ** 24]) t.throws(() => made.perturb(j, floats(3, 2)), invalid)
  t.throws(() => begin({ seed: -1 }), invalid)
  t.throws(() => begin({ distribution: 'cauchy' }), invalid)
  t.throws(() => begin({ step: 2 ** 32 }), invalid)
  t.throws(() => begin({ rounds: 8 }), invalid)
  t.throws(() => begin({ scales: new Float32Array(3) }), { code: 'ERR_SHAPE' })
  t.throws(() => made.accumulate(0, true, floats(3, 2), floats(3, 2)), { code: 'ERR_STATE' })
  const g = floats(3, 2)
  const finish = (changes: object) => made.finish({ ...last, ...changes }, g, floats(3, 2))
  t.throws(() => finish({ clipNorm: -1 }), invalid)
  t.throws(() => finish({ clipNorm: 1, clipValue: 1 }), invalid)
  t.throws(() => finish({ first: false }), invalid)
  t.throws(() => finish({ lastOf: 0 }), { code: 'ERR_STATE' })
  t.throws(() => made.norms({ ...uphill, metric: 'round' }, g), invalid)
  t.throws(() => made.setPenalties([0], [0], [0]), { code: 'ERR_SHAPE' })
  t.throws(() => made.setPenalties([0, 0], [0, 0], [1, 0]), { code: 'ERR_STATE' })
  for (const name of ['moment0', 'bank', 'origin', 'moment', 'w']) t.throws(() => made.vector(name, 0), invalid, name)
  made.dispose()
  made.dispose()
  t.is(made.bytes, 0)
  t.throws(() => made.perturb(0, floats(3, 2)), { code: 'ERR_DISPOSED' })
  t.throws(() => alignedArray(-1), invalid)
  t.throws(() => sample(1, 'gaussian', 0, 0, 0, 0, 1.5), invalid)
  t.throws(() => randomWords(1, 0, 0, 0, 2 ** 28, 64), invalid)
})

test('native memory lies on 64-byte boundaries and the self-test holds', (t) => {
  for (const length of [0, 1, 17, 5000]) t.is(alignedArray(length).length, length)
  t.true(selfTest().ok)
  t.deepEqual(
    sample(7, 'rademacher', 0, 3, 0, 1, 4096).filter((value) => Math.abs(value) !== 1),
    new Float32Array(0),
  )
})

test('workspaces that are dropped without dispose are collected, because V8 knows their size', async (t) => {
  const size = 5e6
  const values = new Float32Array(size)
  const before = process.memoryUsage().rss
  let highest = 0
  for (let i = 0; i < 60; i++) {
    const made = new Workspace([size], 'adam', { sums: 0 })
    // Zero pages that nobody touched would count for nothing.
    made.load([values])
    for (const moment of [0, 1]) made.setVector(`moment${moment}`, 0, values)
    highest = Math.max(highest, process.memoryUsage().rss)
    // Finalizers run between turns of the event loop.
    await new Promise(setImmediate)
  }
  const peak = Math.round((highest - before) / 1e6)
  t.true(peak < 1200, `${peak} MB at the peak of 60 workspaces of 60 MB, which are 3,600 MB`)
})
