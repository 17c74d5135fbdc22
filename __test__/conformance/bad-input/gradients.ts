import { type FlatOptimizer, nso, sgd } from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { assert, type Case, type Outcome, type Theme, type World } from './case.ts'

/** What `applyGradients` may be given. */
const bad: [string, Outcome, (world: World) => unknown][] = [
  ['nothing', 'ERR_INVALID_ARGUMENT', () => undefined],
  ['null', 'ERR_INVALID_ARGUMENT', () => null],
  ['a string', 'ERR_INVALID_ARGUMENT', () => 'a'],
  ['a number', 'ERR_INVALID_ARGUMENT', () => 1],
  ['a list with a gap', 'ERR_INVALID_ARGUMENT', () => [null]],
  ['a list without names', 'ERR_INVALID_ARGUMENT', () => [{ tensor: tf.ones([3]) }]],
  ['a list of tensors', 'ERR_INVALID_ARGUMENT', () => [tf.ones([3])]],
  ['an unknown name', 'ERR_INVALID_ARGUMENT', () => ({ nobody: tf.ones([3]) })],
  ['the name of a built-in', 'ERR_INVALID_ARGUMENT', () => ({ constructor: tf.ones([3]) })],
  ['numbers', 'ERR_DTYPE', ({ b }) => ({ [b.name]: [1, 2, 3] })],
  ['a Float32Array', 'ERR_DTYPE', ({ b }) => ({ [b.name]: new Float32Array(3) })],
  ['int32', 'ERR_DTYPE', ({ b }) => ({ [b.name]: tf.ones([3], 'int32') })],
  ['bool', 'ERR_DTYPE', ({ b }) => ({ [b.name]: tf.ones([3], 'bool') })],
  ['a disposed tensor', 'ERR_DISPOSED', ({ b }) => ({ [b.name]: gone() })],
  ['too many elements', 'ERR_SHAPE', ({ b }) => ({ [b.name]: tf.ones([4]) })],
  ['too few elements', 'ERR_SHAPE', ({ b }) => ({ [b.name]: tf.ones([1]) })],
  ['a scalar', 'ERR_SHAPE', ({ b }) => ({ [b.name]: tf.scalar(1) })],
  ['none of its elements', 'ERR_SHAPE', ({ b }) => ({ [b.name]: tf.zeros([0]) })],
  ['the transpose', 'ERR_SHAPE', ({ a }) => ({ [a.name]: tf.ones([3, 2]) })],
  ['NaN', 'ERR_NOT_FINITE', ({ b }) => ({ [b.name]: tf.fill([3], Number.NaN) })],
  ['Infinity', 'ERR_NOT_FINITE', ({ b }) => ({ [b.name]: tf.tensor1d([0, Number.POSITIVE_INFINITY, 0]) })],
  ['the weight itself', 'works', ({ a }) => ({ [a.name]: a })],
]

const bases: [string, () => FlatOptimizer][] = [
  ['at the first step', () => sgd()],
  ['wrapped', () => nso(tf.train.sgd(0.1), { seed: 1 })],
]

/** Gradients that were computed elsewhere. */
export const gradients: Theme = {
  name: 'gradients',
  on: 'each backend',
  cases: [
    ...bases.flatMap(([when, make]) =>
      bad.map(
        ([what, outcome, give]): Case => ({
          of: 'FlatOptimizer.applyGradients',
          what: `${what}, ${when}`,
          outcome,
          given(world) {
            const [optimizer, gradients] = [world.hold(make()), give(world) as tf.NamedTensorMap]
            return () => optimizer.applyGradients(gradients)
          },
        }),
      ),
    ),
    ...bad.map(
      ([what, outcome, give]): Case => ({
        of: 'FlatOptimizer.applyGradients',
        what: `${what}, after a step`,
        outcome,
        given(world) {
          const optimizer = world.hold(nso(sgd(), { seed: 1 }))
          optimizer.minimize(world.loss, false, world.variables)
          const gradients = give(world) as tf.NamedTensorMap
          return () => {
            optimizer.applyGradients(gradients)
            assert(optimizer.iterations === 2, 'the step was taken')
          }
        },
      }),
    ),
    {
      of: 'FlatOptimizer.applyGradients',
      what: 'none, at the first step',
      outcome: 'ERR_EMPTY',
      given(world) {
        const optimizer = world.hold(sgd())
        return () => optimizer.applyGradients({})
      },
    },
    {
      of: 'FlatOptimizer.applyGradients',
      what: 'after dispose',
      outcome: 'ERR_DISPOSED',
      given(world) {
        const [optimizer, given] = [sgd(), { [world.b.name]: tf.ones([3]) }]
        optimizer.dispose()
        return () => optimizer.applyGradients(given)
      },
    },
  ],
}

function gone(): tf.Tensor {
  const one = tf.ones([3])
  one.dispose()
  return one
}
