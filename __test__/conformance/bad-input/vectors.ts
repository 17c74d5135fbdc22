import {
  type FlatOptimizer,
  MinimizeError,
  type MinimizeOptions,
  minimize,
  nso,
  SaltflatError,
  sam,
  sgd,
  type VectorGradient,
} from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { assert, type Case, detached, notANumber, type Outcome, shared, type Theme, written } from './case.ts'

const same: VectorGradient = (x) => x.slice()
const steps = { steps: 1 }

/** Arguments that cannot be meant; what is left out is good. */
const bad: [string, Outcome, { gradient?: unknown; x0?: unknown; optimizer?: () => unknown; options?: unknown }][] = [
  ...[null, undefined, 1, 'gradient', {}, Float32Array.of(1, 2)].map((gradient): (typeof bad)[number] => [
    `gradient ${written(gradient)}`,
    'ERR_INVALID_ARGUMENT',
    { gradient },
  ]),
  ...[[1, 2], new Float64Array(2), new Int32Array(2), new DataView(new ArrayBuffer(8)), undefined, null, 1, 'x'].map(
    (x0): (typeof bad)[number] => [`x0 ${written(x0)}`, 'ERR_DTYPE', { x0 }],
  ),
  ['x0 without elements', 'ERR_EMPTY', { x0: new Float32Array(0) }],
  ['x0 detached', 'ERR_DETACHED', { x0: detached() }],
  ['x0 in shared memory', 'ERR_SHARED', { x0: shared() }],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value): (typeof bad)[number] => [
    `x0 with ${value}`,
    'ERR_NOT_FINITE',
    { x0: Float32Array.of(0, value) },
  ]),
  ...[undefined, null, 1, 'adam', {}, sgd].map((optimizer): (typeof bad)[number] => [
    `optimizer ${written(optimizer)}`,
    'ERR_INVALID_ARGUMENT',
    { optimizer: () => optimizer },
  ]),
  ['a stock optimizer', 'ERR_INVALID_ARGUMENT', { optimizer: () => tf.train.sgd(1) }],
  ['a wrapped stock optimizer', 'ERR_UNSUPPORTED', { optimizer: () => nso(tf.train.sgd(1)) }],
  ['a filter that matches nothing', 'ERR_INVALID_ARGUMENT', { optimizer: () => nso(sgd(), { filter: 'kernel' }) }],
  ...[undefined, null, 1, {}].map((options): (typeof bad)[number] => [
    `options ${written(options)}`,
    'ERR_INVALID_ARGUMENT',
    { options },
  ]),
  ...[0, -1, 1.5, 2 ** 53, undefined, ...notANumber].map((value): (typeof bad)[number] => [
    `steps ${written(value)}`,
    'ERR_INVALID_ARGUMENT',
    { options: { steps: value } },
  ]),
  ['an unknown option', 'ERR_INVALID_ARGUMENT', { options: { steps: 1, onSteps: () => {} } }],
  ...[{}, null, 1, 'abort', new AbortController()].map((signal): (typeof bad)[number] => [
    `signal ${written(signal)}`,
    'ERR_INVALID_ARGUMENT',
    { options: { ...steps, signal } },
  ]),
  ...[true, null, 1, 'log'].map((onStep): (typeof bad)[number] => [
    `onStep ${written(onStep)}`,
    'ERR_INVALID_ARGUMENT',
    { options: { ...steps, onStep } },
  ]),
  ['a signal that has fired', 'ERR_ABORTED', { options: { ...steps, signal: AbortSignal.abort() } }],
]

/** What a gradient function can do wrong. */
const faults: [string, Outcome, (x: Float32Array) => unknown, RegExp?][] = [
  ['throws', 'ERR_LOSS', () => fail(new TypeError('mine')), /^The gradient function threw: mine/],
  ['throws a string', 'ERR_LOSS', () => fail('mine'), /^The gradient function threw: mine/],
  ['throws nothing', 'ERR_LOSS', () => fail(undefined), /^The gradient function threw: undefined/],
  ['gives too few numbers', 'ERR_SHAPE', (x) => x.slice(1)],
  ['gives too many', 'ERR_SHAPE', (x) => new Float32Array(x.length + 1)],
  ['gives none', 'ERR_SHAPE', () => new Float32Array(0)],
  ['gives a Float64Array', 'ERR_DTYPE', (x) => Float64Array.from(x)],
  ['gives an Int32Array', 'ERR_DTYPE', (x) => Int32Array.from(x)],
  ['gives an array', 'ERR_DTYPE', (x) => Array.from(x)],
  ['gives a number', 'ERR_DTYPE', () => 1],
  ['gives a string', 'ERR_DTYPE', () => 'x'],
  ['gives nothing', 'ERR_DTYPE', () => undefined],
  ['gives null', 'ERR_DTYPE', () => null],
  ['gives a loss alone', 'ERR_DTYPE', () => ({ loss: 1 })],
  ['gives a Float64Array beside a loss', 'ERR_DTYPE', (x) => ({ loss: 1, gradient: Float64Array.from(x) })],
  ['gives a Promise', 'ERR_LOSS', (x) => Promise.resolve(x)],
  ['gives a Promise beside a loss', 'ERR_LOSS', (x) => ({ loss: 1, gradient: Promise.resolve(x) })],
  ['gives text for the loss', 'ERR_INVALID_ARGUMENT', (x) => ({ loss: '1', gradient: x })],
  ['gives no loss beside a gradient', 'ERR_INVALID_ARGUMENT', (x) => ({ gradient: x })],
  ['gives NaN for the loss', 'ERR_NOT_FINITE', (x) => ({ loss: Number.NaN, gradient: x })],
  ['gives Infinity for the loss', 'ERR_NOT_FINITE', (x) => ({ loss: Number.POSITIVE_INFINITY, gradient: x })],
  ['gives NaN', 'ERR_NOT_FINITE', (x) => x.map(() => Number.NaN)],
  ['gives -Infinity', 'ERR_NOT_FINITE', (x) => x.map((_, i) => (i === 1 ? Number.NEGATIVE_INFINITY : 0))],
  ['gives shared memory', 'ERR_SHARED', (x) => shared(x.length)],
  ['gives a detached array', 'ERR_DETACHED', (x) => detached(x.length)],
  ['detaches x', 'ERR_DETACHED', detaching],
  ['writes to x, and throws', 'ERR_LOSS', (x) => x.fill(7) && fail('mine'), /^The gradient function threw: mine/],
]

function run(given: { gradient?: unknown; x0?: unknown; options?: unknown }, optimizer: unknown): Promise<unknown> {
  const all = { gradient: same, x0: Float32Array.of(1, 2), options: steps, ...given }
  return minimize(
    all.gradient as VectorGradient,
    all.x0 as Float32Array,
    optimizer as FlatOptimizer,
    all.options as MinimizeOptions,
  )
}

const words = (x: Float32Array) => `${new Uint32Array(x.slice().buffer)}`

/** A plain array in place of a model. */
export const vectors: Theme = {
  name: 'minimize on an array',
  on: 'once',
  cases: [
    ...bad.map(
      ([what, outcome, { optimizer = () => nso(sgd(), { seed: 1 }), ...given }]): Case => ({
        of: 'minimize',
        what,
        outcome,
        given(world) {
          const made = optimizer()
          if (typeof (made as FlatOptimizer | undefined)?.dispose === 'function') world.hold(made as FlatOptimizer)
          return () => run(given, made)
        },
      }),
    ),
    ...faults.flatMap(([what, outcome, spoil, message]) =>
      // The first gradient, and the one that the update is made with.
      [0, 1].map(
        (bad): Case => ({
          of: 'minimize',
          what: `a gradient that ${what}, in pass ${bad + 1}`,
          outcome,
          ...(message && { message }),
          async given(world) {
            const optimizer = world.hold(nso(sgd({ learningRate: 0.1 }), { seed: 1 }))
            const { x } = (await run({ options: { steps: 2 } }, optimizer)) as { x: Float32Array }
            const before = words(x)
            return async () => {
              let pass = 0
              const gradient = (at: Float32Array) => (pass++ === bad ? spoil(at) : at.slice())
              try {
                await run({ gradient, x0: x }, optimizer)
              } catch (error) {
                assert(error instanceof MinimizeError && words(error.partial.x) === before, 'what there is is x0')
                assert(words(x) === before && optimizer.iterations === 2, 'nothing has changed')
                throw error
              }
            }
          },
        }),
      ),
    ),
    {
      of: 'minimize',
      what: 'an optimizer that trains variables',
      outcome: 'ERR_STATE',
      given(world) {
        const optimizer = world.hold(sam(sgd()))
        optimizer.minimize(world.loss, false, world.variables)
        return () => run({}, optimizer)
      },
    },
    {
      of: 'minimize',
      what: 'an optimizer of a vector of another length',
      outcome: 'ERR_STATE',
      async given(world) {
        const optimizer = world.hold(sgd())
        await run({}, optimizer)
        return () => run({ x0: new Float32Array(3) }, optimizer)
      },
    },
    {
      of: 'minimize',
      what: 'a disposed optimizer',
      outcome: 'ERR_DISPOSED',
      given() {
        const optimizer = sgd()
        optimizer.dispose()
        return () => run({}, optimizer)
      },
    },
    {
      of: 'FlatOptimizer.minimize',
      what: 'an optimizer that minimizes an array',
      outcome: 'ERR_STATE',
      async given(world) {
        const optimizer = world.hold(sgd())
        await run({}, optimizer)
        return () => optimizer.minimize(world.loss, false, world.variables)
      },
    },
    {
      of: 'MinimizeError',
      what: 'carries what there is',
      outcome: 'works',
      given: () => () => {
        const partial = { x: Float32Array.of(1), steps: 1, loss: 2, gradients: 2 }
        const error = new MinimizeError(new SaltflatError('ERR_ABORTED', 'Expected 2 steps, received 1.'), partial)
        assert(error.code === 'ERR_ABORTED' && error.partial === partial, 'code and partial are there')
      },
    },
    {
      of: 'SaltflatError',
      what: 'carries its code and cause',
      outcome: 'works',
      given: () => () => {
        const error = new SaltflatError('ERR_STATE', 'Expected x, received y.', { cause: 1 })
        assert(error instanceof Error && error.code === 'ERR_STATE' && error.cause === 1, 'code and cause are there')
      },
    },
  ],
}

function detaching(x: Float32Array): Float32Array {
  const gradient = x.slice()
  structuredClone(x, { transfer: [x.buffer as ArrayBuffer] })
  return gradient
}

function fail(what: unknown): never {
  throw what
}
