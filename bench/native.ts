import { type Binding, loadBinding, Update } from '../src/native/index.ts'
import type { Distribution } from '../src/types.ts'

// All that the benches call of the native workspace: where its signature changes, this file follows.

/** How a workspace computes. */
export interface Computing {
  readonly threads: number
  /** Absent: the widest instruction set. */
  readonly simd?: string
}

/** Something to be timed. */
export interface Timed {
  run(): void
}

const seed = 1
const sigma = 0.01
const rates = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 0,
  clipValue: 0,
  first: 1,
  lastOf: 1,
}
const decay = 0.01

/** Instruction sets of this CPU, narrowest first, and the threads of a pass. */
export function cpu(): ReturnType<Binding['cpuInfo']> {
  return loadBinding().cpuInfo()
}

/** Vectors in memory of the kind that a store hands to the passes: W', and the gradients, fixed. */
function buffers(sizes: readonly number[]): { out: Float32Array[]; gradients: Float32Array[] } {
  const { alignedArray, sample } = loadBinding()
  const gradients = sizes.map((size, tensor) => {
    const values = alignedArray(size)
    values.set(sample(seed, 'gaussian', 1, 0, 0, tensor, size))
    return values
  })
  return { out: sizes.map((size) => alignedArray(size)), gradients }
}

function workspace(sizes: readonly number[], rule: string, sums: number, { threads, simd }: Computing) {
  const { Workspace, sample } = loadBinding()
  const bare = new Workspace(
    [...sizes],
    rule === 'adamw' ? 'adam' : rule,
    { sums },
    simd === undefined ? { threads } : { threads, simd },
  )
  // By the functions that a training step calls.
  const made = Object.assign(bare, bare.passes())
  const none = sizes.map(() => 0)
  if (rule === 'adamw')
    made.setPenalties(
      none,
      sizes.map(() => decay),
      none,
    )
  made.load(sizes.map((size, tensor) => sample(seed, 'gaussian', 2, 0, 0, tensor, size).map((value) => 0.02 * value)))
  return made
}

/** W' ← W + σU on one vector. */
export function perturbation(size: number, distribution: Distribution, computing: Computing): Timed {
  const made = workspace([size], 'sgd', 0, computing)
  const { out } = buffers([size])
  const scales = new Float32Array(1).fill(sigma)
  let step = 0
  return {
    run() {
      made.begin(seed, distribution, 10, 0, step++, scales, true)
      made.perturb(0, out)
    },
  }
}

/** W ← W + σU on one vector, in place. */
export function inPlace(size: number, distribution: Distribution, computing: Computing, noise: number = sigma): Timed {
  const { perturbInPlace, sample, alignedArray } = loadBinding()
  const weights = alignedArray(size)
  weights.set(sample(seed, 'gaussian', 2, 0, 0, 0, size).map((value) => 0.02 * value))
  const scales = new Float32Array(1).fill(noise)
  const draw = { seed, distribution, rounds: 10, stream: 1, step: 0, from: 0, to: 1, signs: 'plus' }
  return {
    run() {
      draw.step++
      perturbInPlace([weights], scales, draw, computing)
    },
  }
}

/**
 * For scale: `passes` copies of a vector, one after the other, among as many vectors as a step has (W, W', P, g and two
 * moments). A pass without noise is that. It writes memory that it has not read, so a processor moves 12 bytes an element
 * for it, where most of a step's passes write what they have read.
 */
export function copies(size: number, passes: number, computing: Computing): Timed {
  const none = new Float32Array(1)
  const pairs = Array.from({ length: 3 }, () => {
    const made = workspace([size], 'sgd', 0, computing)
    made.begin(seed, 'gaussian', 10, 0, 0, none, true)
    return { made, out: buffers([size]).out }
  })
  return {
    run() {
      for (let pass = 0; pass < passes; pass++) {
        const { made, out } = pairs[pass % pairs.length]!
        made.perturb(0, out)
      }
    },
  }
}

/** All that a step of NSO does besides gradients, these fixed: k pairs with the free trace, then the base optimizer. */
export function machinery(
  sizes: readonly number[],
  rule: string,
  k: number,
  computing: Computing,
): Timed & { bytes: number } {
  const made = workspace(sizes, rule, k > 1 ? 2 : 1, computing)
  const { out, gradients } = buffers(sizes)
  const scales = new Float32Array(sizes.length).fill(sigma)
  const mix = { last: 1, pair: 1, sum: k > 1 ? 1 : 0, scale: 1 / (2 * k), paired: 1 }
  const numbers = new Update(sizes.length)
  let step = 0
  return {
    bytes: made.bytes,
    run() {
      made.begin(seed, 'gaussian', 10, 0, step++, scales, true)
      made.perturb(0, out)
      for (let j = 0; j < k; j++) {
        made.flip(gradients, out)
        if (j < k - 1) made.accumulate(j + 1, j === 0, gradients, out)
      }
      made.finish(numbers.set({ ...rates, ...mix, step }), gradients, out)
    },
  }
}

/** The update of a base optimizer alone. */
export function update(sizes: readonly number[], rule: string, computing: Computing): Timed {
  const made = workspace(sizes, rule, 0, computing)
  const { out, gradients } = buffers(sizes)
  const mix = { last: 1, pair: 0, sum: 0, scale: 1, paired: 0 }
  const numbers = new Update(sizes.length)
  let step = 0
  return {
    run() {
      made.finish(numbers.set({ ...rates, ...mix, step: ++step }), gradients, out)
    },
  }
}

/** So many steps of the Lanczos iteration; the product may be given in the same array each time. */
export function lanczosSteps(
  product: (v: Float32Array) => Float32Array,
  size: number,
  steps: number,
  { keep, threads }: { readonly keep: boolean; readonly threads: number },
): Timed {
  const { Lanczos, sample } = loadBinding()
  const start = sample(seed, 'gaussian', 3, 0, 0, 0, size)
  return {
    run() {
      const run = new Lanczos(size, keep, { threads })
      run.start(start)
      const vector = new Float32Array(size)
      for (let step = 0; step < steps; step++) {
        run.read(vector)
        run.step(product(vector))
      }
      run.dispose()
    },
  }
}
