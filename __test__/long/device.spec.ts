import test from 'ava'
import { built, type Ran, type Run, remove, run } from './device/fake.ts'

const ifBuilt = built ? test.serial : test.skip

test.after.always(remove)

interface Report {
  gpu: { available: boolean; code: string; reason: string; name?: string; bytes: number; rule: object | null }
}

interface Trained {
  device?: string
  weights?: string
  code?: string
  message?: string
  changed?: boolean
  left?: number
}

/** What 100 steps of fit with this option gave. */
const trained = (option: string, how: Run) => run<Trained>('train.ts', { ...how, args: [option] })

ifBuilt('100 steps of fit have the same bits on both devices', (t) => {
  const { weights, ...rest } = trained('cpu', {}).printed
  t.is(typeof weights, 'string')
  t.deepEqual(trained('cuda', { faults: '' }).printed, { weights, ...rest, device: 'cuda' })
})

ifBuilt('SALTFLAT_DEVICE overrides the option', (t) => {
  t.is(trained('cpu', { device: 'cuda', faults: '' }).printed.device, 'cuda')
  t.is(trained('cuda', { device: 'cpu', faults: '' }).printed.device, 'cpu')
  t.is(trained('cpu', { device: 'cuda', faults: 'devices=0' }).printed.code, 'ERR_NO_DEVICE')
})

/** What a driver lacks; the words that say so, and what to do. */
const lacks: [faults: string | undefined, RegExp][] = [
  [undefined, /no NVIDIA driver is installed.* Install NVIDIA's driver/],
  ['devices=0', /sees no GPU.* nvidia-smi/],
  ['version=11080', /is of CUDA 11\.8; 12\.0 \(R525\) or newer is needed\. Update the driver/],
  ['capability=70', /compute capability 7\.0; 7\.5 \(Turing\) or newer is needed\. Take a newer GPU/],
  ['init=999', /failed: CUDA_ERROR_FAKE.* nvidia-smi/],
  ['fail-module=222', /failed: CUDA_ERROR_FAKE.* nvidia-smi/],
]
const driverless = run<Report>('doctor.ts', {}).printed.gpu.code === 'no-driver'
for (const [faults, words] of lacks) {
  if (faults === undefined && !driverless) continue
  ifBuilt(`what there is not is a typed error for 'cuda', and the CPU for 'auto': ${faults ?? 'no driver'}`, (t) => {
    const { message, ...rest } = trained('cuda', faults === undefined ? {} : { faults }).printed
    t.deepEqual(rest, { code: 'ERR_NO_DEVICE', changed: false, left: 0 })
    t.regex(message!, words)
    t.regex(message!, /or take the device 'cpu', or 'auto', which falls back to it\.$/)
    t.is(trained('auto', faults === undefined ? {} : { faults }).printed.device, 'cpu')
  })
}

ifBuilt('a device that is full', (t) => {
  const { printed, held } = trained('cuda', { faults: 'fail-alloc=4' })
  t.like(printed, { code: 'ERR_OUT_OF_MEMORY', changed: false, left: 0 })
  t.regex(printed.message!, /allocate \d+ bytes/)
  t.is(held, 0)
})

test('a device that there is not', (t) => {
  t.is(trained('tpu', {}).printed.code, 'ERR_INVALID_ARGUMENT')
  t.is(trained('cpu', { device: 'tpu' }).printed.code, 'ERR_INVALID_ARGUMENT')
})

interface Failed {
  what: string
  sticky: number
  time: number
  code: string
  torn: boolean
  wrong: string[]
}

ifBuilt('every call of the driver that fails leaves the weights as they were, and nothing else behind', (t) => {
  t.timeout(120_000)
  const { printed, held }: Ran<Failed[]> = run('faults.ts', { faults: '' })
  for (const one of printed) {
    t.deepEqual(one.wrong, [], JSON.stringify(one))
    t.is(one.code, one.torn ? 'ERR_PANIC' : one.what === 'fail-alloc' ? 'ERR_OUT_OF_MEMORY' : 'ERR_CUDA')
  }
  const count = (what: string, sticky: number) =>
    printed.filter((one) => one.what === what && one.sticky === sticky).length
  // Launches of a step: W', the flip and its sums, the check of the mean and its sums, the update and its sums.
  t.deepEqual([count('fail-launch', 0), count('fail-launch', 1)], [7, 7])
  t.true(count('fail-alloc', 0) >= 15 && count('fail-copy', 0) >= 10 && count('fail-sync', 0) >= 6)
  t.deepEqual([count('fail-copy', 1), count('fail-sync', 1)], [count('fail-copy', 0), count('fail-sync', 0)])
  t.is(held, 0)
})

ifBuilt('a state saved on one device goes on on the other, bit for bit', (t) => {
  t.timeout(120_000)
  const parts = (first: string, second: string) => run('resume.ts', { faults: '', args: [first, second] }).printed
  const expected = parts('cpu', 'cpu')
  t.is(Object.keys(expected as object).length, 6)
  t.deepEqual(parts('cpu', 'cuda'), expected)
  t.deepEqual(parts('cuda', 'cpu'), expected)
})

ifBuilt('the memory of the device is accounted for, and given back', (t) => {
  interface Found {
    before: number[]
    rounds: { agree: boolean; onHost: number; onDevice: number; after: number[] }[]
    forgotten: number[]
    after: number[]
  }
  const { printed, held }: Ran<Found> = run('memory.ts', { faults: '' })
  t.deepEqual(printed.before, [0, 0])
  for (const { agree, onHost, onDevice, after } of printed.rounds) {
    t.true(agree)
    // W, and what is on its way. There: W, P, two moments, the gradient and W', and a little for sums and tables.
    t.true(onHost >= 2 && onHost < 2.1, `${onHost} vectors on the host`)
    t.true(onDevice >= 6 && onDevice < 6.2, `${onDevice} vectors on the device`)
    t.deepEqual(after, [0, 0])
  }
  t.true(printed.forgotten[0]! > 0)
  t.deepEqual(printed.after, [0, 0])
  t.is(held, 0)
})

ifBuilt('estimates of curvature have the same bits on both devices, and half on each', (t) => {
  t.timeout(300_000)
  interface Found {
    differ: string[]
    refused: { name: string; code: string; left: number }[]
    decided: string[]
    forgotten: number
    left: number
  }
  const { printed, held }: Ran<Found> = run('curvature.ts', { faults: '' })
  t.deepEqual(printed.differ, [])
  for (const one of printed.refused) t.like(one, { code: 'ERR_OUT_OF_MEMORY', left: 0 }, JSON.stringify(one))
  t.deepEqual(
    [...new Set(printed.refused.map(({ name }) => name))],
    ['topEigenvalues', 'spectralDensity', 'orthogonal', 'traceOf', 'hutchinson', 'hutch++', 'perturbBatch', 'inPlace'],
  )
  // Too few elements; a basis that fits; more vectors than memory; more than a rotation takes.
  t.deepEqual(printed.decided, ['cpu', 'cuda', 'cpu', 'cpu'])
  t.true(printed.forgotten > 4 * 9001)
  t.is(printed.left, 0)
  t.is(held, 0)
})

ifBuilt('doctor says what there is, what it costs, and how auto decides', (t) => {
  const none = run<Report>('doctor.ts', driverless ? {} : { faults: 'devices=0' }).printed.gpu
  t.like(none, { available: false, code: driverless ? 'no-driver' : 'no-device', bytes: 0, rule: null })
  t.regex(none.reason, /no NVIDIA driver.* Install|no GPU.* nvidia-smi/)
  const gpu = run<Report>('doctor.ts', { faults: '' }).printed.gpu
  t.like(gpu, { available: true, code: 'available', name: 'Fake CUDA device for tests', bytes: 0 })
  const { cpu, cuda, from } = gpu.rule as Record<'cpu' | 'cuda', { fixed: number; each: number }> & { from?: number }
  for (const { fixed, each } of [cpu, cuda]) t.true(fixed >= 0 && each > 0 && each < 1e-5)
  // A GPU of fibers is slower than the CPU that plays it.
  t.is(from, undefined)
})
