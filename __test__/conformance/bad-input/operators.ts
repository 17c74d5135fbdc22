import {
  AbortedError,
  addOperators,
  blocksOf,
  dense,
  diagonal,
  fisher,
  fromMatvec,
  gaussNewton,
  hessian,
  type Operator,
  publishedLambda1,
  runFile,
  scaleOperator,
  shiftOperator,
  spectralDensity,
  topEigenvalues,
  trace,
  traceOf,
  withSecondOrder,
} from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { assert, type Case, each, notANumber, type Outcome, simple, type Theme, written } from './case.ts'

const H = fromMatvec(3, (v) => v.map((value, i) => (i + 1) * value))

/** No place for a run. */
const stores = [
  null,
  1,
  'file',
  {},
  { load() {}, every: 1 },
  { load() {}, save() {} },
  { load() {}, save() {}, every: 0 },
]

const noDevice = ['gpu', 'CUDA', '', null, 1, ['cpu']]

/** Every algorithm, and what is bad for each of its options. */
const algorithms: [
  string,
  (operator: Operator, options: never) => Promise<unknown>,
  Record<string, readonly unknown[]>,
][] = [
  [
    'trace',
    trace,
    {
      probes: [0, 1, 1.5, 1e9, ...notANumber],
      method: ['hutch', null, 1],
      distribution: ['uniform', null, 1],
      tolerance: [0, -1, ...notANumber],
      device: noDevice,
      checkpoint: stores,
    },
  ],
  [
    'traceOf',
    (operator, options) => traceOf(operator, Math.exp, options),
    {
      probes: [0, 1, 1.5, 1e9, ...notANumber],
      steps: [0, 1.5, 1e9, ...notANumber],
      distribution: ['laplace', null, 1],
      device: noDevice,
      checkpoint: stores,
    },
  ],
  ['diagonal', diagonal, { probes: [0, 1, 1.5, 1e9, ...notANumber], method: ['hutch++', null, 1], checkpoint: stores }],
  [
    'topEigenvalues',
    topEigenvalues,
    {
      count: [0, 4, 1.5, ...notANumber],
      which: ['best', null, 1],
      tolerance: [0, -1, ...notANumber],
      steps: [0, 1.5, 1e10, ...notANumber],
      basis: [0, 6, 7.5, 1e10, ...notANumber],
      verify: [0, null, 'no'],
      vectors: [0, null, 'no'],
      device: noDevice,
      checkpoint: stores,
    },
  ],
  ['publishedLambda1', publishedLambda1, { iterations: [0, 1.5, 1e9, ...notANumber], tolerance: [-1, ...notANumber] }],
  [
    'spectralDensity',
    spectralDensity,
    {
      probes: [0, 1.5, 1e9, ...notANumber],
      steps: [0, 1, 1e9, ...notANumber],
      points: [1, 9, 1e9, ...notANumber],
      width: [0, -1, ...notANumber],
      checkpoint: stores,
      orthogonal: [1, 'yes', null],
      device: noDevice,
      starts: [1, null, []],
    },
  ],
]

const products: [string, Outcome, (v: Float32Array) => unknown][] = [
  ['doubles', 'ERR_DTYPE', (v) => Float64Array.from(v)],
  ['nothing', 'ERR_DTYPE', () => undefined],
  ['an array', 'ERR_DTYPE', (v) => [...v]],
  ['too few elements', 'ERR_SHAPE', (v) => v.slice(1)],
]

/** A bad option of an operator of a small model on its data. */
function onModel(operator: typeof gaussNewton | typeof fisher, options: unknown): Case {
  return {
    of: operator.name,
    what: `options: ${written(options)}`,
    outcome: 'ERR_INVALID_ARGUMENT',
    given: (world) => {
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      world.hold(model as never)
      const [x, y] = [world.hold(tf.ones([3, 2])), world.hold(tf.ones([3, 1]))]
      return () => operator(model, x, y, options as never)
    },
  }
}

/** Operators on flat vectors, and the algorithms that ask them. */
export const operators: Theme = {
  name: 'operators',
  on: 'once',
  cases: [
    ...algorithms.flatMap(([of, run, options]): Case[] => [
      ...Object.entries({
        ...options,
        seed: [-1, 1.5, 2 ** 53, ...notANumber],
        probess: [1],
        signal: [1, 'now', {}],
        onProgress: [1, 'bar', {}],
      }).flatMap(([option, values]) => each(of, option, values, (value) => run(H, { [option]: value } as never))),
      ...each(of, 'options', [null, 1, 'fast'], (value) => run(H, value)),
      ...each(
        of,
        'operator',
        [
          undefined,
          null,
          1,
          {},
          'H',
          { size: 3 },
          { size: 3, matvec() {} },
          { size: 0, matvec() {} },
          { size: Number.NaN, matvec() {} },
        ],
        (value) => run(value, {} as never),
      ),
      ...products.map(([what, outcome, product]) =>
        simple(of, `a product of ${what}`, outcome, () => run(fromMatvec(3, product as never), {} as never)),
      ),
      {
        ...simple(of, 'a signal that has fired', 'ERR_ABORTED', () => run(H, { signal: AbortSignal.abort() } as never)),
        message: /ended by its signal/,
      },
    ]),
    ...each('traceOf', 'f', [undefined, null, 1, {}, 'log'], (value) => traceOf(H, value)),
    simple('trace', "'hutch++' of 3 probes", 'ERR_INVALID_ARGUMENT', () => trace(H, { method: 'hutch++', probes: 3 })),
    simple('traceOf', 'an f that is not defined there', 'ERR_NOT_FINITE', () => traceOf(H, (one) => Math.log(-one))),
    simple('traceOf', 'an f that gives no number', 'ERR_NOT_FINITE', () => traceOf(H, () => 'x' as never)),
    simple('diagonal', "'exact' of too many elements", 'ERR_INVALID_ARGUMENT', () =>
      diagonal(
        fromMatvec(10_001, (v) => v),
        { method: 'exact' },
      ),
    ),
    ...(['hutchinson', 'hutch++'] as const).map((method) =>
      simple('trace', `a product of NaN for '${method}'`, 'ERR_NOT_FINITE', () =>
        trace(
          fromMatvec(3, (v) => v.map(() => Number.NaN)),
          { method },
        ),
      ),
    ),
    ...(['hutchinson', 'exact'] as const).map((method) =>
      simple('diagonal', `a product of NaN for '${method}'`, 'ERR_NOT_FINITE', () =>
        diagonal(
          fromMatvec(3, (v) => v.map(() => Number.NaN)),
          { method },
        ),
      ),
    ),
    ...each('fromMatvec', 'size', [0, -1, 1.5, 2 ** 31, undefined, ...notANumber], (value) =>
      fromMatvec(value, (v) => v),
    ),
    ...each('fromMatvec', 'product', [undefined, null, 1, {}, []], (value) => fromMatvec(3, value)),
    ...each('runFile', 'path', [undefined, null, 1, {}, ''], (value) => runFile(value)),
    ...each('runFile', 'options', [null, 1, 'fast', { often: 1 }], (value) => runFile('run', value)),
    ...each('runFile', 'every', [0, -1, 1.5, ...notANumber], (value) => runFile('run', { every: value })),
    ...each('hessian', 'model', [undefined, null, 1, {}, 'model'], (value) => hessian(value, value, value)),
    ...[undefined, null, 1, {}, { variables: 1 }, { variables: [1] }, { filter: 'x' }].map(
      (value): Case => ({
        of: 'hessian',
        what: `options of a loss: ${written(value)}`,
        outcome: 'ERR_INVALID_ARGUMENT',
        given:
          ({ loss }) =>
          () =>
            hessian(loss, value as never),
      }),
    ),
    ...[
      { method: 'fast' },
      { step: 0.1 },
      ...[0, -1, ...notANumber].map((step) => ({ method: 'difference', step })),
      { check: 1 },
    ].map(
      (options): Case => ({
        of: 'hessian',
        what: `options: ${written(options)}`,
        outcome: 'ERR_INVALID_ARGUMENT',
        given:
          ({ loss, variables }) =>
          () =>
            hessian(loss, { variables, ...options } as never),
      }),
    ),
    ...[gaussNewton, fisher].flatMap((operator): Case[] => [
      ...each(operator.name, 'model', [undefined, null, 1, {}, 'model', () => 1], (value) =>
        operator(value, value, value),
      ),
      ...[{ check: 1 }, { training: true }, { batchSize: 0 }, { filter: 'nothing' }, { filter: 1 }, null, 'fast'].map(
        (options) => onModel(operator, options),
      ),
    ]),
    ...[undefined, null, 1, {}, 'H', { size: 3 }].flatMap((value) => [
      ...each('addOperators', 'operator', [value], (one) => addOperators(H, one)),
      ...each('scaleOperator', 'operator', [value], (one) => scaleOperator(one, 1)),
      ...each('shiftOperator', 'operator', [value], (one) => shiftOperator(one, 1)),
      ...each('blocksOf', 'operator', [value], (one) => blocksOf(one)),
      ...each('dense', 'operator', [value], (one) => dense(one)),
    ]),
    ...each('scaleOperator', 'factor', [undefined, ...notANumber], (value) => scaleOperator(H, value)),
    ...each('shiftOperator', 'mu', [undefined, ...notANumber], (value) => shiftOperator(H, value)),
    simple('addOperators', 'no operators', 'ERR_INVALID_ARGUMENT', () => addOperators()),
    simple('addOperators', 'operators of several sizes', 'ERR_INVALID_ARGUMENT', () =>
      addOperators(
        H,
        fromMatvec(2, (v) => v),
      ),
    ),
    ...each('dense', 'options', [null, 1, { signal: 1 }, { onProgress: 1 }, { probes: 1 }], (value) => dense(H, value)),
    simple('dense', 'an operator that is too large', 'ERR_UNSUPPORTED', () => dense(fromMatvec(20_000, (v) => v))),
    ...products.map(([what, outcome, product]) =>
      simple('dense', `a product of ${what}`, outcome, () => dense(fromMatvec(3, product as never))),
    ),
    ...each('withSecondOrder', 'f', [undefined, null, 1, {}, 'f'], (value) => withSecondOrder(value)),
    simple('withSecondOrder', 'a function that throws', 'works', () => {
      const mine = new RangeError('mine')
      let thrown: unknown
      try {
        withSecondOrder(() => {
          throw mine
        })
      } catch (error) {
        thrown = error
      }
      assert(thrown === mine, 'its own error passes')
    }),
    simple('AbortedError', 'carries what there is', 'works', () => {
      const error = new AbortedError(3, 2, AbortSignal.abort())
      assert(error.code === 'ERR_ABORTED' && error.partial === 3, 'code and partial are there')
    }),
  ],
}
