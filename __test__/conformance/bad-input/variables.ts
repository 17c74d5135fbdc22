import { type FlatOptimizer, nso, sam, sgd, smoothedTrace } from '../../../src/index.ts'
import { backends, tf } from '../../helpers/backends.ts'
import { assert, type Case, type Outcome, type Theme, type World } from './case.ts'

const noisy = (options = {}) => nso(sgd({ learningRate: 0.01 }), { sigma: 0.1, seed: 4, ...options })

/** Lists of variables that cannot be trained, for whoever takes such a list. */
const lists: [string, Outcome, (world: World) => unknown][] = [
  ['an empty list', 'ERR_EMPTY', () => []],
  ['a single variable', 'ERR_INVALID_ARGUMENT', ({ a }) => a],
  ['a string', 'ERR_INVALID_ARGUMENT', () => 'all'],
  ['a gap', 'ERR_INVALID_ARGUMENT', ({ a }) => [a, null]],
  ['a number in it', 'ERR_INVALID_ARGUMENT', ({ a }) => [1, a]],
  ['a plain tensor in it', 'ERR_INVALID_ARGUMENT', ({ a }) => [a, tf.ones([2])]],
  ['the same one twice', 'ERR_INVALID_ARGUMENT', ({ a }) => [a, a]],
  ['weights of layers', 'ERR_INVALID_ARGUMENT', (world) => dense(world).trainableWeights],
  ['a disposed one', 'ERR_DISPOSED', ({ a }) => [a, gone()]],
  ['int32', 'ERR_DTYPE', (world) => [world.a, world.variable(tf.tensor1d([1, 2], 'int32'))]],
  ['bool', 'ERR_DTYPE', (world) => [world.a, world.variable(tf.tensor1d([true, false], 'bool'))]],
  ['complex64', 'ERR_DTYPE', (world) => [world.a, complex(world)]],
  ['strings', 'ERR_DTYPE', (world) => [world.a, world.variable(tf.tensor1d(['x'], 'string'))]],
  ['nothing but zero-size ones', 'ERR_EMPTY', (world) => [world.variable(tf.zeros([0, 3]))]],
]

const trainers: [string, (world: World, variables: never) => () => unknown][] = [
  [
    'FlatOptimizer.minimize',
    (world, variables) => {
      const optimizer = world.hold(noisy())
      return () => optimizer.minimize(world.loss, false, variables)
    },
  ],
  ['smoothedTrace', (world, variables) => () => smoothedTrace(world.loss, { variables, sigma: 0.1, pairs: 1 })],
]

/** What may have become of the variables after a first step with both, and what the second one gets. */
const changes: [string, Outcome, (world: World) => unknown][] = [
  ['one is missing', 'ERR_STATE', ({ a }) => [a]],
  ['one is new', 'ERR_STATE', (world) => [...world.variables, world.variable(tf.ones([2]))]],
  ['another order', 'ERR_STATE', ({ a, b }) => [b, a]],
  ['others', 'ERR_STATE', (world) => [world.variable(tf.ones([2]))]],
  ['one is no variable', 'ERR_STATE', ({ a }) => [a, 1]],
  ['one is null', 'ERR_STATE', ({ a }) => [a, null]],
  ['one is twice', 'ERR_STATE', ({ a, b }) => [a, b, b]],
  [
    'one was frozen',
    'ERR_STATE',
    ({ a, b }) => {
      ;(b as { trainable: boolean }).trainable = false
      return [a, b]
    },
  ],
  ['none', 'ERR_STATE', () => []],
  ['the same', 'works', ({ a, b }) => [a, b]],
]

const dense = (world: World): tf.LayersModel =>
  world.hold(tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })) as unknown as tf.LayersModel

function gone(): tf.Variable {
  const one = tf.tidy(() => tf.variable(tf.ones([2])))
  one.dispose()
  return one
}

function complex(world: World): tf.Variable {
  const real = tf.tensor1d([1, 2])
  const made = world.variable(tf.complex(real, real))
  real.dispose()
  return made
}

/** A step of an optimizer that has made one already. */
function second(what: string, outcome: Outcome, list: (world: World) => unknown): Case {
  return {
    of: 'FlatOptimizer.minimize',
    what: `at the second step: ${what}`,
    outcome,
    given(world) {
      const optimizer = trained(world)
      const variables = list(world) as tf.Variable[]
      return () => optimizer.minimize(world.loss, false, variables)
    },
  }
}

function trained(world: World, optimizer: FlatOptimizer = noisy()): FlatOptimizer {
  world.hold(optimizer).minimize(world.loss, false, world.variables)
  return optimizer
}

/** A step on one variable of the case's own, which should simply work. */
function works(what: string, value: () => tf.Tensor): Case {
  return {
    of: 'FlatOptimizer.minimize',
    what,
    outcome: 'works',
    given(world) {
      const [optimizer, own] = [world.hold(noisy()), world.variable(value())]
      const loss = () => tf.tidy(() => tf.add(tf.sum(tf.square(own)), world.loss()) as tf.Scalar)
      return () => {
        optimizer.minimize(loss, false, [own, ...world.variables])
        assert(own.dataSync().every(Number.isFinite) && optimizer.iterations === 1, 'the step was taken')
      }
    },
  }
}

/** Variables that cannot be trained, or are others than before. */
export const variables: Theme = {
  name: 'variables',
  on: 'each backend',
  cases: [
    ...trainers.flatMap(([of, train]) =>
      lists.map(
        ([what, outcome, list]): Case => ({
          of,
          what,
          outcome,
          ...(what === 'complex64' && { except: 'wasm' }),
          given: (world) => train(world, list(world) as never),
        }),
      ),
    ),
    ...changes.map(([what, outcome, list]) => second(what, outcome, list)),
    works('a scalar', () => tf.scalar(3)),
    works('a zero-size variable beside others', () => tf.zeros([0, 3])),
    works('one element in six dimensions', () => tf.ones([1, 1, 1, 1, 1, 1])),
    {
      of: 'FlatOptimizer.minimize',
      what: 'nothing but frozen variables',
      outcome: 'ERR_EMPTY',
      given(world) {
        const [optimizer, frozen] = [world.hold(noisy()), world.variable(tf.ones([2]), false)]
        return () => optimizer.minimize(world.loss, false, [frozen])
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'at the second step: one was disposed',
      outcome: 'ERR_DISPOSED',
      given(world) {
        const extra = tf.tidy(() => tf.variable(tf.ones([2])))
        const optimizer = world.hold(noisy())
        const all = [...world.variables, extra]
        optimizer.minimize(() => tf.tidy(() => tf.add(world.loss(), tf.sum(extra)) as tf.Scalar), false, all)
        extra.dispose()
        return () => optimizer.minimize(world.loss, false, all)
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'a shape or dtype changed by assign, which tfjs itself refuses',
      outcome: 'works',
      given(world) {
        const optimizer = trained(world)
        const wrongs = [tf.ones([3, 2]), tf.ones([7]), tf.zeros([2, 3], 'int32')]
        return () => {
          for (const wrong of wrongs)
            assert(
              throws(() => world.a.assign(wrong)),
              'tfjs refuses the assignment',
            )
          optimizer.minimize(world.loss, false, world.variables)
          assert(optimizer.iterations === 2, 'the step was taken')
        }
      },
    },
    ...['shape', 'dtype'].map(
      (field): Case => ({
        of: 'FlatOptimizer.minimize',
        what: `another ${field} assigned inside the loss`,
        outcome: 'ERR_LOSS',
        message: /^The loss threw: .+/,
        given(world) {
          const optimizer = trained(world)
          const wrong = field === 'shape' ? tf.ones([7]) : tf.zeros([2, 3], 'int32')
          let pass = 0
          const assigning = () => {
            // Gradients ignore assignments, as those of BatchNorm; the pass at W that follows makes them.
            if (++pass >= optimizer.passesPerStep) world.a.assign(wrong)
            return world.loss()
          }
          return () => optimizer.minimize(assigning, false, world.variables)
        },
      }),
    ),
    ...(['nso', 'sam', 'decayFilter', 'distance', 'smoothedTrace'] as const).map(
      (of): Case => ({
        of: of === 'smoothedTrace' ? of : 'FlatOptimizer.minimize',
        what: `a filter that matches nothing, of ${of}`,
        outcome: 'ERR_INVALID_ARGUMENT',
        message: /matches none of/,
        given(world) {
          const nothing = { filter: 'kernal' }
          if (of === 'smoothedTrace') {
            return () => smoothedTrace(world.loss, { variables: world.variables, sigma: 0.1, ...nothing })
          }
          const made = {
            nso: () => noisy(nothing),
            sam: () => sam(sgd(), nothing),
            decayFilter: () => sgd({ l2: 1, decayFilter: 'kernal' }),
            distance: () => sgd({ distance: [{ strength: 1, ...nothing }] }),
          }
          const optimizer = world.hold(made[of]())
          return () => optimizer.minimize(world.loss, false, world.variables)
        },
      }),
    ),
    {
      of: 'FlatOptimizer.minimize',
      what: 'a filter of no names',
      outcome: 'ERR_INVALID_ARGUMENT',
      message: /^Expected a filter that matches a variable, received an empty array that matches none of/,
      given(world) {
        const optimizer = world.hold(noisy({ filter: [] }))
        return () => optimizer.minimize(world.loss, false, world.variables)
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'a filter that answers later',
      outcome: 'ERR_INVALID_ARGUMENT',
      message: /^Expected a filter that answers at once, received one that returns a promise/,
      given(world) {
        const optimizer = world.hold(noisy({ filter: (async () => true) as never }))
        return () => optimizer.minimize(world.loss, false, world.variables)
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'a filter that throws',
      outcome: 'ERR_INVALID_ARGUMENT',
      message: /^Expected a filter that answers, received a throw: mine/,
      given(world) {
        const filter = () => {
          throw new Error('mine')
        }
        const optimizer = world.hold(noisy({ filter }))
        return () => optimizer.minimize(world.loss, false, world.variables)
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'two optimizers on the same variables, in turns',
      outcome: 'works',
      given(world) {
        const [one, other] = [trained(world), trained(world)]
        return () => {
          for (let step = 0; step < 2; step++) {
            for (const optimizer of [one, other]) optimizer.minimize(world.loss, false, world.variables)
          }
          assert(one.iterations === 3 && other.iterations === 3, 'all steps were taken')
        }
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'after dispose',
      outcome: 'ERR_DISPOSED',
      given(world) {
        const optimizer = trained(world)
        optimizer.dispose()
        return () => optimizer.minimize(world.loss, false, world.variables)
      },
    },
    ...backends.map(
      (other): Case => ({
        of: 'FlatOptimizer.minimize',
        what: `values of which one lies on ${other}, and a step on each backend in turns`,
        outcome: 'works',
        async given(world) {
          const [home, optimizer] = [tf.getBackend(), world.hold(noisy())]
          await tf.setBackend(other)
          const own = world.variable(tf.ones([3]))
          const loss = () => tf.tidy(() => tf.add(tf.sum(tf.square(tf.sub(own, world.b))), world.loss()) as tf.Scalar)
          return async () => {
            for (const backend of [home, other, home]) {
              await tf.setBackend(backend)
              optimizer.minimize(loss, false, [own, ...world.variables])
              assert(optimizer.memory?.store === backend, `the store is that of ${backend}`)
            }
            assert(own.dataSync().every(Number.isFinite), 'the weights are finite')
          }
        },
      }),
    ),
    {
      of: 'FlatOptimizer.minimize',
      what: 'a sigma whose schedule reaches 0: a clean pass',
      outcome: 'works',
      given(world) {
        const optimizer = world.hold(nso(sgd({ learningRate: 0 }), { sigma: () => 0, seed: 1 }))
        const before = world.a.dataSync().slice()
        const seen = () => {
          assert(
            world.a.dataSync().every((value, i) => value === before[i]),
            'the pass is taken at W itself',
          )
          return world.loss()
        }
        return () => {
          optimizer.minimize(seen, false, world.variables)
          assert(optimizer.curvature === null, 'there is no curvature sample')
        }
      },
    },
    ...([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e39, '0.1', undefined, 'a throw'] as const).flatMap((value) =>
      (['sigma', 'learningRate', 'rho'] as const).map(
        (option): Case => ({
          of: 'FlatOptimizer.minimize',
          what: `a schedule of ${option} that gives ${String(value)}`,
          outcome: 'ERR_INVALID_ARGUMENT',
          given(world) {
            const schedule = () => (value === 'a throw' ? JSON.parse(value) : value) as number
            const made = {
              sigma: () => noisy({ sigma: schedule }),
              rho: () => sam(sgd(), { rho: schedule }),
              learningRate: () => nso(sgd({ learningRate: schedule })),
            }
            const optimizer = world.hold(made[option]())
            return () => optimizer.minimize(world.loss, false, world.variables)
          },
        }),
      ),
    ),
  ],
}

function throws(f: () => unknown): boolean {
  try {
    f()
    return false
  } catch {
    return true
  }
}
