// Runs each estimate of curvature on the CPU and on the GPU, long ones also half on each, and prints which of them differ;
// then lets every allocation of the driver fail in its turn, and prints what came of it.
import {
  AbortedError,
  type Device,
  fromMatvec,
  perturbBatch,
  type RunState,
  type RunStore,
  SaltflatError,
  spectralDensity,
  topEigenvalues,
  trace,
  traceOf,
} from '../../../src/index.ts'
import { loadBinding } from '../../../src/native/index.ts'

const { deviceBytes, nativeBytes, Lanczos } = loadBinding()
const size = 9001
/** A few outliers, one of them twice, over a bulk. */
const diagonal = Float32Array.from({ length: size }, (_, i) => (i < 6 ? 40 - 7 * (i >> 1) : 0.3 * Math.sin(i)))
const H = fromMatvec(size, (v) => v.map((one, i) => one * diagonal[i]!))

type Run = (where: { device: Device; checkpoint?: RunStore; signal?: AbortSignal }) => Promise<object>

/** Both can be kept and gone on with. The basis is so small that it restarts. */
const long: Record<string, Run> = {
  topEigenvalues: (where) =>
    topEigenvalues(H, { ...where, count: 3, which: 'both', basis: 14, vectors: true, steps: 300 }),
  spectralDensity: (where) => spectralDensity(H, { ...where, probes: 2, steps: 9, points: 20 }),
  orthogonal: (where) => spectralDensity(H, { ...where, probes: 2, steps: 9, points: 20, orthogonal: true }),
}

const all: Record<string, Run> = {
  ...long,
  traceOf: (where) => traceOf(H, (one) => one ** 2, { ...where, probes: 3, steps: 7 }),
  hutchinson: (where) => trace(H, { ...where, probes: 5, distribution: 'gaussian' }),
  'hutch++': (where) => trace(H, { ...where, method: 'hutch++', probes: 20 }),
  perturbBatch: async ({ device }) =>
    perturbBatch([diagonal, new Float32Array(70)], { sigma: 0.1, perturbations: 3, device }),
  inPlace: async ({ device }) => {
    const weights = [diagonal.slice(), new Float32Array(70)]
    return perturbBatch(weights, { sigma: 0.1, signs: 'minus', device, out: [weights] })
  },
}

/** What a run has found, but for its memory and its time. */
function found(result: object): string {
  const plain = (key: string, value: unknown) => {
    if (key === 'bytes' || key === 'wallMs') return undefined
    return ArrayBuffer.isView(value) ? Buffer.from(value.buffer as ArrayBuffer).toString('base64') : value
  }
  return JSON.stringify(result, plain)
}

/** A run that its signal ends after some products on one device, and that goes on on another. */
async function moved(run: Run, first: Device, second: Device): Promise<object> {
  let kept: RunState | null = null
  let products = 0
  const ending = new AbortController()
  const checkpoint: RunStore = {
    every: 1,
    load: () => kept,
    save: (state) => {
      kept = { ...state, at: JSON.parse(JSON.stringify(state.at)) }
      if (++products === 11) ending.abort()
    },
  }
  try {
    await run({ device: first, checkpoint, signal: ending.signal })
    throw new Error('It came to its end.')
  } catch (error) {
    if (!(error instanceof AbortedError)) throw error
  }
  return run({ device: second, checkpoint })
}

const differ: string[] = []
for (const [name, run] of Object.entries(all)) {
  const expected = found(await run({ device: 'cpu' }))
  if (found(await run({ device: 'cuda' })) !== expected) differ.push(name)
  if (!Object.hasOwn(long, name)) continue
  for (const [first, second] of [
    ['cpu', 'cuda'],
    ['cuda', 'cpu'],
  ] as const)
    if (found(await moved(run, first, second)) !== expected) differ.push(`${name}, ${first} then ${second}`)
}

/** Each allocation that fails, the code that it gives, and the bytes that are left. */
const refused: { name: string; code: string; left: number }[] = []
for (const [name, run] of Object.entries(all)) {
  for (let time = 0; ; time++) {
    process.env.SALTFLAT_FAKE_CUDA = `fail-alloc=${time}`
    try {
      await run({ device: 'cuda' })
      break
    } catch (error) {
      const code = error instanceof SaltflatError ? error.code : String(error)
      refused.push({ name, code, left: deviceBytes() + nativeBytes() })
    } finally {
      process.env.SALTFLAT_FAKE_CUDA = ''
    }
  }
}

/** Where 'auto' lies, for this many vectors of this many elements. */
const auto = (elements: number, vectors: number) => {
  const run = new Lanczos(elements, true, { device: 'auto' }, vectors)
  const { device } = run
  run.dispose()
  return device
}
// The device has 2³⁴ bytes.
const decided = [auto(2 ** 16 - 1, 3), auto(2 ** 16, 3), auto(2 ** 22, 2 ** 12), auto(2 ** 16, 2 ** 14)]

let forgotten = 0
;(() => {
  const run = new Lanczos(size, true, { device: 'cuda' }, 20)
  run.start(diagonal)
  forgotten = deviceBytes()
})()
for (let turn = 0; turn < 50 && deviceBytes() > 0; turn++) {
  global.gc!()
  await new Promise((resolve) => setTimeout(resolve, 10))
}
console.log(JSON.stringify({ differ, refused, decided, forgotten, left: deviceBytes() + nativeBytes() }))
