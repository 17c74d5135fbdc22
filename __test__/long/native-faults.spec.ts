import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import {
  adam,
  type FlatOptimizer,
  minimize,
  nso,
  oneSided,
  perturbBatch,
  SaltflatError,
  sam,
  sgd,
} from '../../src/index.ts'
import { type Binding, fromNative, loadBinding } from '../../src/native/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { collected } from '../helpers/memory.ts'
import { packed } from '../native/packed.ts'

// A binary that panics, or is given no memory, at a place and time of the test's choosing: built here, never shipped.

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
execFileSync(process.execPath, ['scripts/build-native.mjs', '--faults'], { cwd: root, stdio: 'inherit' })
process.env.SALTFLAT_BINARY = join(root, 'build', 'Faults', 'saltflat.node')

type Place = 'allocation' | 'call' | 'chunk' | 'helper'
const { armFault, Lanczos, Workspace, alignedArray, nativeBytes, ...functions } = loadBinding() as Binding & {
  armFault(place: Place, after: number): number
}

/** How often a place is passed by meanwhile. */
function count(place: Place, f: () => unknown): number {
  armFault(place, 1e9)
  f()
  return 1e9 - armFault(place, -1)
}

/** Large enough for several threads, and several chunks a thread. */
const size = 200_000
const chunks = Math.ceil(size / 4096)
const base = () => adam({ learningRate: 0.05 })
const makes: [string, () => FlatOptimizer][] = [
  ['adam', () => adam({ learningRate: 0.05, seed: 1 })],
  // No moments: the weights alone can be of two steps.
  ['sgd', () => sgd({ learningRate: 0.05, seed: 1 })],
  ['nso k = 1', () => nso(base(), { sigma: 0.1, seed: 1 })],
  ['nso k = 2, mixing', () => nso(base(), { sigma: 0.1, perturbations: 2, mixing: 0.1, seed: 1 })],
  ['one-sided k = 3', () => oneSided(base(), { sigma: 0.1, perturbations: 3, seed: 1 })],
  ['sam', () => sam(base(), { rho: 0.1, seed: 1 })],
  ['nso on tf.train.adam', () => nso(tf.train.adam(0.1), { sigma: 0.1, seed: 1 })],
]

class Job {
  readonly w = tf.tidy(() => tf.variable(tf.randomNormal([size], 0, 1, 'float32', 1)))
  readonly optimizer: FlatOptimizer

  constructor(make: () => FlatOptimizer) {
    this.optimizer = make()
  }

  readonly step = (): void => {
    const loss = () => tf.tidy(() => tf.mean(tf.square(tf.sub(tf.square(this.w), 1))) as tf.Scalar)
    this.optimizer.minimize(loss, false, [this.w])
  }

  async state(): Promise<unknown[]> {
    const saved = await this.optimizer.getWeights()
    const { trace, standardError } = this.optimizer.curvature ?? {}
    return [raw(this.w), ...saved.map(({ tensor }) => raw(tensor)), this.optimizer.iterations, trace, standardError]
  }

  dispose(): void {
    this.optimizer.dispose()
    this.w.dispose()
  }
}

/** The bits of a tensor in a form that is compared quickly. */
const raw = (one: tf.Tensor) => Buffer.from(one.dataSync().slice().buffer as ArrayBuffer).toString('latin1')

for (const [name, make] of makes) {
  onEachBackend(test, `${name}: a panic at each call, helper and chunk ahead of the update`, async (t) => {
    const [job, twin] = [new Job(make), new Job(make)]
    for (const one of [job, twin]) one.step()
    const before = await job.state()
    // A step of the twin counts; the job takes the same steps at the end. The update's own pass is another test's.
    const ahead = (place: Place, last: number) => count(place, twin.step) - last
    const writes = name.includes('tf.train') ? 0 : 1
    const hits: [Place, number][] = [
      // What a stock base has assigned is read in one call more, once.
      ['call', ahead('call', 1 - writes)],
      ['helper', ahead('helper', writes)],
      ['chunk', ahead('chunk', writes * chunks)],
    ]
    t.log(hits.map(([place, times]) => `${times} × ${place}`).join(', '))
    const random = Math.random
    const { numTensors, numBytes } = tf.memory()
    for (const [place, times] of hits) {
      if (place === 'helper' && times < 0) continue // One processor has none.
      // Every chunk would take long: the first and the last ones, and a prime stride between.
      const after = Array.from({ length: times }, (_, i) => i).filter((i) => i < 2 || i >= times - 2 || i % 37 === 0)
      for (const i of place === 'chunk' ? after : Array(times).keys()) {
        armFault(place, i)
        const error = t.throws(job.step, { instanceOf: SaltflatError }, `${place} ${i}`)
        t.is(error?.code, 'ERR_PANIC', `${place} ${i}: ${error}`)
        t.regex(error!.message, /on purpose.*please report/)
        t.true(armFault(place, -1) < 0)
        t.true(raw(job.w) === before[0], `${place} ${i}`)
      }
    }
    t.deepEqual(await job.state(), before)
    t.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes])
    t.is(Math.random, random)
    while (job.optimizer.iterations < twin.optimizer.iterations) job.step()
    t.deepEqual(await job.state(), await twin.state())
    for (const one of [job, twin]) one.dispose()
  })

  if (name.includes('tf.train')) continue
  onEachBackend(test, `${name}: a panic in the middle of the update itself is said, and nothing goes on`, async (t) => {
    for (const place of ['chunk', 'helper'] as const) {
      const [job, twin] = [new Job(make), new Job(make)]
      for (const one of [job, twin]) one.step()
      const before = bits(job.w)
      const times = count(place, twin.step)
      if (times === 0) continue
      const after = bits(twin.w)
      armFault(place, place === 'chunk' ? times - chunks / 2 : times - 1)
      const error = t.throws(job.step, { instanceOf: SaltflatError, code: 'ERR_PANIC' as never })
      t.regex(error!.message, /on purpose.*could not be undone.*has cut short/)
      t.true(
        bits(job.w).every((word, i) => word === before[i] || word === after[i]),
        'every weight is of the step before or of this one',
      )
      t.throws(job.step, { code: 'ERR_PANIC' as never, message: /has cut short/ })
      await t.throwsAsync(job.optimizer.getWeights(), { code: 'ERR_PANIC' as never })
      for (const one of [job, twin]) one.dispose()
    }
  })

  onEachBackend(
    test,
    `${name}: each allocation of a first step, of a state and of a step beside a clone`,
    async (t) => {
      const { numTensors } = tf.memory()
      let times = count('allocation', () => {
        const job = new Job(make)
        job.step()
        job.dispose()
      })
      t.log(`${times} allocations`)
      t.true(times > 2)
      const twin = new Job(make)
      twin.step()
      for (let i = 0; i < times; i++) {
        const job = new Job(make)
        const before = raw(job.w)
        armFault('allocation', i)
        t.throws(job.step, { instanceOf: SaltflatError, code: 'ERR_OUT_OF_MEMORY' as never }, `allocation ${i}`)
        t.true(armFault('allocation', -1) < 0)
        t.true(raw(job.w) === before)
        t.is(job.optimizer.iterations, 0)
        job.step()
        t.true(raw(job.w) === raw(twin.w))
        job.dispose()
      }
      const { numTensors: without } = tf.memory()
      armFault('allocation', 1e9)
      await twin.optimizer.getWeights()
      times = 1e9 - armFault('allocation', -1)
      const { numTensors: withState } = tf.memory()
      for (let i = 0; i < times; i++) {
        armFault('allocation', i)
        await t.throwsAsync(twin.optimizer.getWeights(), { code: 'ERR_OUT_OF_MEMORY' as never })
      }
      await twin.optimizer.getWeights()
      t.is(tf.memory().numTensors, withState, `${without} without it`)
      const before = raw(twin.w)
      const clone = twin.w.clone()
      armFault('allocation', 0)
      try {
        // cpu and tensorflow leave the memory to the clone; wasm writes to fresh memory of its own at any time.
        twin.step()
      } catch (error) {
        t.is((error as SaltflatError).code, 'ERR_OUT_OF_MEMORY', String(error))
        t.true(raw(twin.w) === before)
      }
      armFault('allocation', -1)
      t.true(raw(clone) === before)
      clone.dispose()
      twin.dispose()
      t.is(tf.memory().numTensors, numTensors)
      await collected()
      t.is(nativeBytes(), 0)
    },
  )
}

test.serial('what a panic has cut short is no partial result either', async (t) => {
  const start = new Float32Array(size).fill(1)
  const gradient = (x: Float32Array) => x.map((one) => 2 * one)
  const optimizer = sgd({ learningRate: 0.1, seed: 1 })
  let stepped = false
  const run = minimize(gradient, start, optimizer, {
    steps: 3,
    onStep() {
      if (stepped) return
      stepped = true
      // Of the next step: half of the read-only pass and of the update.
      armFault('chunk', Math.floor(1.5 * chunks))
    },
  })
  const error = await t.throwsAsync(run, { instanceOf: SaltflatError, code: 'ERR_PANIC' as never })
  t.regex(error!.message, /has cut short/)
  t.false('partial' in error!)
  optimizer.dispose()
})

const floats = () => [new Float32Array(4)]
const noise = {
  ...{ seed: 1, distribution: 'gaussian', rounds: 10, stream: 0, step: 0, from: 0, to: 1, signs: 'both' },
}
const update = {
  ...{ last: 1, pair: 0, sum: 0, scale: 1, paired: 0, clipNorm: 0, clipValue: 0, first: 1, lastOf: 1 },
  ...{ learningRate: 0.1, beta1: 0, beta2: 0, epsilon: 0, step: 1 },
}

/** A call of every native method and function that does something. */
const calls: [string, (made: InstanceType<Binding['Workspace']>) => unknown][] = [
  ['load', (made) => made.load(floats())],
  ['begin', (made) => made.begin(1, 'gaussian', 10, 0, 0, Float32Array.of(0.1), true)],
  ['perturb', (made) => made.perturb(0, floats())],
  ['flip', (made) => made.flip(floats(), floats())],
  ['accumulate', (made) => made.accumulate(1, true, floats(), floats())],
  ['collect', (made) => made.collect(0, 1, true, floats(), floats())],
  ['products', (made) => made.products(floats())],
  ['norms', (made) => made.norms({ last: 1, pair: 0, metric: 'plain' }, floats())],
  [
    'ascend',
    (made) => made.ascend(Float32Array.of(1), { last: 1, pair: 0, metric: 'plain' }, null, floats(), floats()),
  ],
  ['finish', (made) => made.finish(packed(update, 1), floats(), floats())],
  ['restore', (made) => made.restore(floats())],
  ['vector', (made) => made.vector('moment0', 0)],
  ['setVector', (made) => made.setVector('moment0', 0, new Float32Array(4))],
  ['setPenalties', (made) => made.setPenalties([0], [0], [0])],
  ['banked', (made) => made.banked()],
  ['setBanked', (made) => made.setBanked([true])],
  ['checkWhole', (made) => made.checkWhole()],
  ['new Workspace', () => new Workspace([4], 'adam', { sums: 2 })],
  ['perturbBatch', () => functions.perturbBatch(floats(), Float32Array.of(1), noise, [...floats(), ...floats()])],
  ['perturbInPlace', () => functions.perturbInPlace(floats(), Float32Array.of(1), { ...noise, signs: 'plus' })],
  ['sample', () => functions.sample(1, 'gaussian', 0, 0, 0, 0, 64)],
  ['randomWords', () => functions.randomWords(1, 0, 0, 0, 0, 64)],
  ['start of Lanczos', () => new Lanczos(4, true).start(Float32Array.of(1, 0, 0, 0))],
]

/** The same by the functions of `passes()`. */
const passes = calls
  .filter(([name]) => ['begin', 'perturb', 'flip', 'accumulate', 'finish', 'restore'].includes(name))
  .map(([name, call]): (typeof calls)[number] => [
    `${name} of passes`,
    (made) => call(Object.assign(made, made.passes())),
  ])

for (const [name, call] of [...calls, ...passes]) {
  test(`a panic in ${name} is caught`, (t) => {
    const made = new Workspace([4], 'adam', { sums: 2, bank: true, origin: true })
    armFault('call', 0)
    const error = t.throws(() => call(made), undefined, name)
    t.is(fromNative(error).code, 'ERR_PANIC')
    t.notThrows(() => call(made))
  })
}

/** Three steps on a diagonal matrix. */
function lanczos(): InstanceType<Binding['Lanczos']> {
  const run = new Lanczos(4, true)
  run.start(Float32Array.of(1, 1, 1, 1))
  for (let step = 0; step < 3; step++) run.step(run.vector().map((value, i) => value * i))
  run.restart([1, 2])
  run.lock([], [0, 1])
  run.start(Float32Array.of(1, 2, 3, 5))
  run.restore(run.state(), [run.basis(0), run.basis(1), run.basis(2)])
  return run
}

test('memory refused at each allocation of the rest is said', (t) => {
  const weights = floats()
  const rest: [string, () => unknown][] = [
    ['alignedArray', () => alignedArray(16)],
    ['sample', () => functions.sample(1, 'gaussian', 0, 0, 0, 0, 64)],
    ['randomWords', () => functions.randomWords(1, 0, 0, 0, 0, 64)],
    ['perturbBatch', () => perturbBatch(weights, { sigma: 1 })],
    ['perturbBatch in place', () => perturbBatch(weights, { sigma: 1, signs: 'plus', out: [weights] })],
    ['Lanczos', () => lanczos().dispose()],
  ]
  for (const [name, call] of rest) {
    const times = count('allocation', call)
    t.true(times > 0, name)
    for (let i = 0; i < times; i++) {
      armFault('allocation', i)
      t.throws(call, { code: 'ERR_OUT_OF_MEMORY' }, `${name} ${i}`)
      t.notThrows(call)
    }
  }
})
