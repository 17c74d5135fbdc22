import test, { type ExecutionContext } from 'ava'
import {
  adam,
  FlatOptimizer,
  lion,
  momentum,
  type NamedTensor,
  nesterov,
  nso,
  oneSided,
  rmsprop,
  sam,
  sgd,
} from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { bits, onEachBackend, tf } from '../helpers/backends.ts'
import { copyOf, disposeAll, stateOf } from '../helpers/state.ts'
import { random } from '../helpers/training.ts'

/** Two variables and a loss of them. */
function problem(sizes = [5, 2]): { variables: tf.Variable[]; train(optimizer: FlatOptimizer, steps: number): void } {
  const variables = tf.tidy(() => sizes.map((size, i) => tf.variable(random([size], i + 1)))) as tf.Variable[]
  const loss = () => tf.tidy(() => tf.addN(variables.map((one) => tf.sum(tf.cosh(one)))) as tf.Scalar)
  return {
    variables,
    train(optimizer, steps) {
      for (let i = 0; i < steps; i++) optimizer.minimize(loss, false, variables)
    },
  }
}

/** A low word, and a high one in an f64, that a float32 would hold as a NaN that signals. */
const signalling = 0x7fa0_0001

onEachBackend(
  test,
  'float32 holds ordinary numbers; seed, counters and f64 are int32 words, and come back to the bit',
  async (t) => {
    for (const make of [
      () => nso(adam({ amsgrad: true, accumulation: 3, distance: 0.1 }), { seed: signalling, perturbations: 2 }),
      () => nso(rmsprop({ momentum: 0.5, centered: true }), { seed: 2 ** 53 - 1 }),
      () => nso(tf.train.adam(0.01), { seed: 2 ** 32 }),
    ]) {
      const { train } = problem()
      const [optimizer, other] = [make(), make()]
      train(optimizer, 7)
      const state = await copyOf(optimizer)
      for (const { name, tensor } of state) {
        t.is(tensor.dtype, name === 'saltflat/words' || name.endsWith('iter') ? 'int32' : 'float32', name)
        t.true(tensor.dataSync().every(Number.isFinite), name)
      }
      // As tf.io writes and reads them.
      const { data, specs } = await tf.io.encodeWeights(state)
      const decoded = tf.io.decodeWeights(data, specs)
      await other.setWeights(state.map(({ name }) => ({ name, tensor: decoded[name]! })))
      t.deepEqual([other.seed, other.iterations], [optimizer.seed, optimizer.iterations])
      t.deepEqual(await stateOf(other), await stateOf(optimizer))
      disposeAll(state)
      tf.dispose(decoded)
      for (const one of [optimizer, other]) one.dispose()
    }
  },
)

onEachBackend(test, 'a seed that was drawn goes on as well: neither optimizer was given one', async (t) => {
  const make = () => nso(adam({ learningRate: 0.05 }), { sigma: 0.1 })
  const [whole, parts] = [problem(), problem()]
  const [first, second] = [make(), make()]
  whole.train(first, 3)
  t.not(first.seed, second.seed)
  for (const [i, one] of whole.variables.entries()) parts.variables[i]!.assign(one)
  await second.setWeights(await first.getWeights())
  t.is(second.seed, first.seed)
  whole.train(first, 3)
  parts.train(second, 3)
  t.deepEqual(parts.variables.map(bits), whole.variables.map(bits))
  t.deepEqual(await stateOf(second), await stateOf(first))
  for (const one of [first, second]) one.dispose()
})

test('instanceof tells our optimizers from those of tfjs, and tfjs takes ours for optimizers', (t) => {
  const [ours, theirs] = [sgd(), tf.train.sgd(0.1)]
  t.true(ours instanceof FlatOptimizer && ours instanceof tf.Optimizer)
  t.false((theirs as unknown) instanceof FlatOptimizer)
  for (const one of [ours, theirs]) one.dispose()
})

/** One of the words of a state, set anew. */
function reworded(state: NamedTensor[], place: number, value: number): NamedTensor[] {
  return state.map(({ name, tensor }) => {
    if (name !== 'saltflat/words') return { name, tensor: tensor.clone() }
    const words = tensor.dataSync().slice()
    words[place] = value
    return { name, tensor: tf.tensor1d(words, 'int32') }
  })
}

const clones = (state: NamedTensor[]) => state.map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))

type Spoil = (state: NamedTensor[]) => NamedTensor[]
const asIs: Spoil = clones

/** Whose state, for whom, and what happens to it in between; `late`: where the variables have to be known. */
const refusals: [string, () => FlatOptimizer, () => FlatOptimizer, Spoil, { sizes?: number[]; late?: boolean }?][] = [
  ['of the format before', sgd, sgd, (state) => reworded(state, 0, 0x5346_0003)],
  ['of a format to come', sgd, sgd, (state) => reworded(state, 0, 0x5346_0005)],
  ['with a count below 0', sgd, sgd, (state) => reworded(state, 3, -1)],
  ['with a seed that is none', sgd, sgd, (state) => reworded(state, 9, 2 ** 21)],
  ['with a name of any length', sgd, sgd, (state) => reworded(state, 10, 2 ** 31 - 1)],
  ['with tensors without end', adam, adam, (state) => reworded(state, 3, 2 ** 31 - 1)],
  ['of lion, for momentum', lion, momentum, asIs],
  ['of momentum, for nesterov', momentum, nesterov, asIs],
  ['of adam, for rmsprop', adam, () => rmsprop({ momentum: 0.9 }), asIs],
  ['of amsgrad, for adam', () => adam({ amsgrad: true }), adam, asIs],
  ['of nso, for its base', () => nso(adam()), adam, asIs],
  ['of nso, for one-sided noise', () => nso(sgd()), () => oneSided(sgd()), asIs],
  ['of nso, for sam', () => nso(sgd()), () => sam(sgd()), asIs],
  ['of stock adam, for stock sgd', () => nso(tf.train.adam()), () => nso(tf.train.sgd(0.1)), asIs],
  ['of stock adam, for ours', () => nso(tf.train.adam()), () => nso(adam()), asIs],
  [
    'of stock adam, truncated',
    () => nso(tf.train.adam()),
    () => nso(tf.train.adam()),
    (state) => clones(state.slice(0, -1)),
  ],
  ['of a model with other sizes, without moments', sgd, sgd, asIs, { sizes: [2, 5], late: true }],
  ['of a model with fewer tensors', sgd, sgd, asIs, { sizes: [5], late: true }],
  ['of one with a distance', () => sgd({ distance: 0.1 }), sgd, asIs, { late: true }],
]

for (const [name, from, to, spoil, { sizes, late = false } = {}] of refusals) {
  onEachBackend(test, `a state ${name} is refused, and nothing has changed`, async (t) => {
    const [theirs, ours] = [problem(sizes), problem()]
    const [other, running, fresh] = [from(), to(), to()]
    theirs.train(other, 2)
    ours.train(running, 3)
    const state = await other.getWeights()
    const bad = spoil(state)
    const now = async () => [ours.variables.map(bits), running.seed, running.iterations, await stateOf(running)]
    const before = await now()
    const unused = [fresh.seed, fresh.iterations, await stateOf(fresh)]
    const { numTensors } = tf.memory()
    const refusal = { code: 'ERR_STATE', message: /^Expected .+, received .+\./ }
    await t.throwsAsync(running.setWeights(bad), refusal)
    t.deepEqual(await now(), before)
    if (late) {
      await fresh.setWeights(bad)
      t.throws(() => ours.train(fresh, 1), refusal)
      t.deepEqual(ours.variables.map(bits), before[0])
    } else {
      await t.throwsAsync(fresh.setWeights(bad), refusal)
      t.deepEqual([fresh.seed, fresh.iterations, await stateOf(fresh)], unused)
      t.is(tf.memory().numTensors, numTensors)
    }
    disposeAll(bad)
    for (const one of [other, running, fresh]) one.dispose()
  })
}

/** Trains with native passes that use so many threads and such an instruction set. */
function computing(t: ExecutionContext, options: { threads: number; simd: string }, train: () => void): void {
  const binding = loadBinding()
  const { Workspace } = binding
  let made = 0
  class Chosen extends Workspace {
    constructor(...[sizes, rule, vectors]: ConstructorParameters<typeof Workspace>) {
      super(sizes, rule, vectors, options)
      made++
    }
  }
  Object.assign(binding, { Workspace: Chosen })
  try {
    train()
  } finally {
    Object.assign(binding, { Workspace })
  }
  t.is(made, 1)
}

onEachBackend(test, 'another number of threads and another instruction set go on to the same bits', async (t) => {
  const sizes = [100_003, 7]
  const make = () => nso(adam({ learningRate: 0.01, clipNorm: 1 }), { sigma: 0.05, seed: 3, perturbations: 2 })
  const { detected } = loadBinding().cpuInfo()
  const whole = problem(sizes)
  const [all, first] = [make(), make()]
  computing(t, { threads: 2, simd: detected.at(-1)! }, () => whole.train(all, 4))
  const half = problem(sizes)
  computing(t, { threads: 2, simd: detected.at(-1)! }, () => half.train(first, 2))
  const state = await copyOf(first)
  const values = half.variables.map((one) => one.clone())
  for (const options of detected.flatMap((simd) => [1, 3].map((threads) => ({ threads, simd })))) {
    const rest = problem(sizes)
    for (const [i, one] of values.entries()) rest.variables[i]!.assign(one)
    const second = make()
    await second.setWeights(state)
    computing(t, options, () => rest.train(second, 2))
    t.deepEqual(rest.variables.map(bits), whole.variables.map(bits), JSON.stringify(options))
    t.deepEqual(await stateOf(second), await stateOf(all), JSON.stringify(options))
    second.dispose()
  }
  disposeAll(state)
  tf.dispose(values)
  for (const one of [all, first]) one.dispose()
})
