import test from 'ava'
import fc from 'fast-check'
import { adam, type FlatOptimizer, lion, momentum, nso, oneSided, rmsprop, sam, sgd } from '../../src/index.ts'
import { backends, bits, onEachBackend, tf } from '../helpers/backends.ts'
import { copyOf, disposeAll } from '../helpers/state.ts'
import { random } from '../helpers/training.ts'

// Whatever somebody does with weights and optimizer between two steps and undoes or merely looks at: the steps are those
// of a twin whom nobody disturbs, to the bit, and what was taken out of a weight never changes.

const makes: Readonly<Record<string, () => FlatOptimizer>> = {
  sgd: () => sgd({ seed: 3 }),
  lion: () => lion({ clipValue: 0.5, seed: 3 }),
  'nso(adam), 2 micro-batches': () =>
    nso(adam({ accumulation: 2 }), { seed: 3, sigma: 0.05, perturbations: 2, mixing: 0.2 }),
  'nso(adam), near W₀': () => nso(adam({ distance: 0.01, clipNorm: 1 }), { seed: 3, sigma: 0.05 }),
  'one-sided(momentum)': () => oneSided(momentum({ l2: 0.01 }), { seed: 3, sigma: 0.05, perturbations: 3 }),
  'sam(rmsprop)': () => sam(rmsprop({ centered: true, momentum: 0.5 }), { seed: 3, rho: 0.1 }),
  'nso(tf.train.momentum)': () => nso(tf.train.momentum(0.05, 0.9), { seed: 3, sigma: 0.1, perturbations: 2 }),
}

/** A net of one layer, with a weight of no elements and one of no axes. */
class Job {
  readonly w: tf.Variable = tf.tidy(() => tf.variable(random([7, 5], 5)))
  readonly weights: tf.Variable[] = tf.tidy(() => [
    this.w,
    tf.variable(random([5], 6)),
    tf.variable(tf.zeros([0, 3])),
    tf.variable(tf.scalar(0.3)),
  ])
  readonly x: tf.Tensor = random([9, 7], 8)
  optimizer: FlatOptimizer
  readonly make: () => FlatOptimizer
  /** What was taken out of weights, with the bits that it had. */
  readonly taken: { readonly what: string; readonly tensor: tf.Tensor; readonly bits: Uint32Array }[] = []

  constructor(make: () => FlatOptimizer) {
    this.make = make
    this.optimizer = make()
  }

  readonly loss = (): tf.Scalar =>
    tf.tidy(() => {
      const [w, b, , scale] = this.weights as tf.Tensor[] as [tf.Tensor2D, tf.Tensor, tf.Tensor, tf.Tensor]
      const fit = tf.mean(
        tf.square(tf.sub(tf.mul(tf.tanh(tf.add(tf.matMul(this.x as tf.Tensor2D, w), b)), scale), 0.5)),
      )
      // A gradient through memory that a reshape shares.
      return tf.add(fit, tf.mul(tf.sum(tf.square(tf.slice(tf.reshape(w, [35]), 3, 5))), 0.01)) as tf.Scalar
    })

  step(loss: () => tf.Scalar = this.loss): void {
    this.optimizer.minimize(loss, false, this.weights)
  }

  take(what: string, tensor: tf.Tensor): void {
    this.taken.push({ what, tensor, bits: bits(tensor) })
  }

  /** A step that ends in a throw in one of its passes. */
  fail(pass: number, how: (loss: tf.Scalar) => tf.Scalar): void {
    let left = pass % this.optimizer.passesPerStep
    try {
      this.step(() => (left-- === 0 ? how(this.loss()) : this.loss()))
    } catch {
      return
    }
    throw new Error('a step that fails has not failed')
  }

  dispose(): void {
    this.optimizer.dispose()
    // Stock momentum forgets its rate at dispose (tfjs #4647).
    ;(this.optimizer.settings.base.foreign as unknown as { c?: tf.Tensor } | null)?.c?.dispose()
    tf.dispose([...this.weights, this.x, ...this.taken.map(({ tensor }) => tensor)])
  }
}

const spoiled = (loss: tf.Scalar) => tf.mul(loss, Number.NaN) as tf.Scalar
const thrown = () => {
  throw new Error('mine')
}

/** What may happen between two steps; `n` chooses where there is a choice. */
const acts: Readonly<Record<string, (job: Job, n: number, backend: string) => void | Promise<void>>> = {
  clone: (job, n) => job.take('a clone', job.weights[n % 4]!.clone()),
  reshape: (job) => job.take('a reshape', tf.reshape(job.w, [35])),
  slice: (job) => job.take('a slice', tf.slice(job.w, [0, 0], [7, 5])),
  split(job) {
    for (const part of tf.split(job.w as tf.Tensor2D, 7)) job.take('a part', part)
  },
  release(job) {
    for (const { tensor } of job.taken.splice(0, 2)) tensor.dispose()
  },
  'a loss that throws': (job, n) => job.fail(n, thrown),
  'a loss of NaN': (job, n) => job.fail(n, spoiled),
  'values that are set to what they are': (job) => {
    const same = tf.tensor(job.w.dataSync().slice(), [7, 5])
    job.w.assign(same)
    job.take('what was assigned', same)
  },
  async 'another optimizer with this state'(job) {
    // Stock ones restore theirs to rounding, and leave variables behind.
    if (job.optimizer.settings.base.foreign !== null) return
    const state = await copyOf(job.optimizer)
    job.optimizer.dispose()
    job.optimizer = job.make()
    await job.optimizer.setWeights(state)
    disposeAll(state)
  },
  async 'a look from another backend'(job, n, backend) {
    await tf.setBackend(backends[n % backends.length]!)
    job.loss().dispose()
    if (n % 2 === 0) job.fail(n, thrown)
    await tf.setBackend(backend)
    if (n % 3 === 0) job.loss().dispose()
  },
}

const act = fc.tuple(fc.constantFrom(...Object.keys(acts)), fc.nat(11))
const runs = fc.tuple(
  fc.constantFrom(...Object.keys(makes)),
  fc.array(fc.tuple(fc.array(act, { maxLength: 3 }), fc.nat(9)), { minLength: 2, maxLength: 8 }),
)

onEachBackend(test, 'whatever happens between steps, they are those of an undisturbed twin', async (t, backend) => {
  await fc.assert(
    fc.asyncProperty(runs, async ([name, steps]) => {
      const { numTensors } = tf.memory()
      const [job, twin] = [new Job(makes[name]!), new Job(makes[name]!)]
      try {
        for (const [between, where] of steps) {
          for (const [what, n] of between) await acts[what]!(job, n, backend)
          // Now and then both step elsewhere.
          await tf.setBackend(backends[where] ?? backend)
          for (const one of [job, twin]) one.step()
          await tf.setBackend(backend)
          for (const [i, one] of job.weights.entries()) t.deepEqual(bits(one), bits(twin.weights[i]!), `weight ${i}`)
          for (const { what, tensor, bits: before } of job.taken) t.deepEqual(bits(tensor), before, what)
        }
        t.is(job.optimizer.iterations, twin.optimizer.iterations)
        t.is(job.optimizer.curvature?.trace, twin.optimizer.curvature?.trace)
      } finally {
        await tf.setBackend(backend)
        for (const one of [job, twin]) one.dispose()
      }
      t.is(tf.memory().numTensors, numTensors)
    }),
    { numRuns: 60, seed: 7 },
  )
})
