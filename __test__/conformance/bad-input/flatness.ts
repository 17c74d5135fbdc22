import { lossSlice, noiseStability, perExampleTraces, publishedTraceBound, traceBound } from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { type Case, each, notANumber, type Outcome, simple, type Theme, type World, written } from './case.ts'

type Measure = (...args: never[]) => Promise<unknown>

/** Every measure that moves the weights, options that it works with, and what is bad for each of its own. */
const measures: [string, Measure, object, Record<string, readonly unknown[]>][] = [
  [
    'noiseStability',
    noiseStability,
    { sigmas: [0.1], samples: 2, probes: 2 },
    {
      sigmas: [undefined, [], 0.1, '0.1', null, [-1], [0.1, Number.NaN], [Number.POSITIVE_INFINITY], ['0.1'], [1e39]],
      samples: [0, 1, 1.5, 1e9, ...notANumber],
      probes: [0, 1, 1.5, 1e9, ...notANumber],
      distribution: ['cauchy', null, 1],
      trace: [true, null, 1, {}, { mean: 1 }, { mean: 1, standardError: -1 }, { mean: Number.NaN, standardError: 1 }],
    },
  ],
  [
    'lossSlice',
    lossSlice,
    { points: 3 },
    {
      directions: [0, 3, null, '1', [], [1, 2, 3]],
      names: ['x', [], [1], ['x', 'y'], null],
      range: [0, -1, 1e31, ...notANumber],
      points: [0, 1, 2, 4, 1.5, 1e9, ...notANumber],
      normalize: ['layer', null, 1],
      vectors: ['ignore', null, 1],
      quadratic: [0, 'yes', null],
    },
  ],
]

const shared: Record<string, readonly unknown[]> = {
  seed: [-1, 1.5, 2 ** 53, ...notANumber],
  signal: [1, 'now', {}],
  onProgress: [1, 'bar', {}],
  variables: [undefined, null, 1, {}, [1], [null]],
  filter: ['nothing', [], 1, null, [1]],
  batchSize: [32],
  seeds: [1],
}

/** Losses that cannot be measured, and why. */
const losses: [string, Outcome, (world: World) => unknown][] = [
  [
    'a loss that returns a vector',
    'ERR_LOSS',
    ({ b }) =>
      () =>
        tf.square(b),
  ],
  ['a loss that returns a number', 'ERR_LOSS', () => () => 1],
  ['a loss that draws', 'ERR_LOSS', () => () => tf.scalar(Math.cos(performance.now()))],
  ['a loss of NaN', 'ERR_NOT_FINITE', () => () => tf.scalar(Number.NaN)],
  ['null for the loss', 'ERR_INVALID_ARGUMENT', () => null],
  ['a tensor for the loss', 'ERR_INVALID_ARGUMENT', ({ a }) => a],
]

/** Directions that are none: the weights are nine. */
const directions: [string, Outcome, unknown[]][] = [
  ['numbers', 'ERR_DTYPE', [1]],
  ['nothing', 'ERR_DTYPE', [null]],
  ['doubles', 'ERR_DTYPE', [new Float64Array(9)]],
  ['too few', 'ERR_SHAPE', [new Float32Array(8)]],
  ['one of two too long', 'ERR_SHAPE', [new Float32Array(9).fill(1), new Float32Array(10)]],
  ['zeros', 'ERR_INVALID_ARGUMENT', [new Float32Array(9).fill(1), new Float32Array(9)]],
  ['NaN', 'ERR_NOT_FINITE', [new Float32Array(9).fill(Number.NaN)]],
]

/** What the measures of flatness get that they cannot work with; all leave the weights as they are. */
export const flatness: Theme = {
  name: 'flatness',
  on: 'each backend',
  cases: [
    ...directions.map(
      ([what, outcome, given]): Case => ({
        ...{ of: 'lossSlice', what: `directions of ${what}`, outcome },
        given:
          ({ loss, variables }) =>
          () =>
            lossSlice(loss, { variables, directions: given as Float32Array[] }),
      }),
    ),
    ...measures.flatMap(([of, measure, good, own]): Case[] => {
      const run = measure as (...args: unknown[]) => Promise<unknown>
      const options = Object.entries({ ...own, ...shared }).flatMap(([option, values]) =>
        values.map(
          (value): Case => ({
            ...{ of, what: `${option}: ${written(value)}`, outcome: 'ERR_INVALID_ARGUMENT' },
            given:
              ({ loss, variables }) =>
              () =>
                run(loss, { variables, ...good, [option]: value }),
          }),
        ),
      )
      return [
        ...options,
        ...[undefined, null, 1, 'fast'].map(
          (value): Case => ({
            ...{ of, what: `options: ${written(value)}`, outcome: 'ERR_INVALID_ARGUMENT' },
            given:
              ({ loss }) =>
              () =>
                run(loss, value),
          }),
        ),
        ...losses.map(
          ([what, outcome, made]): Case => ({
            ...{ of, what, outcome },
            given: (world) => {
              const loss = made(world)
              return () => run(loss, { variables: world.variables, ...good })
            },
          }),
        ),
        {
          ...{ of, what: 'no variables', outcome: 'ERR_EMPTY' },
          given:
            ({ loss }) =>
            () =>
              run(loss, { ...good, variables: [] }),
        },
        {
          ...{ of, what: 'a variable that was disposed', outcome: 'ERR_DISPOSED' },
          given: (world) => {
            const gone = world.variable(tf.ones([2]))
            gone.dispose()
            return () => run(world.loss, { ...good, variables: [...world.variables, gone] })
          },
        },
        {
          ...{ of, what: 'a signal that has fired', outcome: 'ERR_ABORTED', message: /ended by its signal/ },
          given:
            ({ loss, variables }) =>
            () =>
              run(loss, { variables, ...good, signal: AbortSignal.abort() }),
        },
      ]
    }),
  ],
}

const inputs = { loss: 0.1, trace: 3, radius: 4, examples: 60_000, ceiling: 1 }
const published = { traces: [3, 4], norms: [1, 2], ceiling: 1, examples: 60_000 }
const notPositive = [undefined, 0, -1, ...notANumber]

/** What the bounds get, which are made of numbers alone. */
export const bounds: Theme = {
  name: 'bounds',
  on: 'once',
  cases: [
    ...Object.entries({
      loss: [undefined, -1, 2, ...notANumber],
      ...{ trace: notPositive, radius: notPositive, ceiling: [...notPositive, 0.05], examples: [1.5, ...notPositive] },
      ...{ delta: [0, 1, -1, ...notANumber], beta: [0, 1, -1, ...notANumber], sigma: [0, -1, ...notANumber] },
      ...{ transfer: [-1, 1.1, ...notANumber], epsilon: [1] },
    }).flatMap(([option, values]) => each('traceBound', option, values, (v) => traceBound({ ...inputs, [option]: v }))),
    ...Object.entries({
      ...{ traces: [undefined, [], 1, [-1], ['1']], norms: [undefined, [], 1, [-1], [null]] },
      ...{ ceiling: notPositive, examples: [1.5, ...notPositive], layers: [1] },
    }).flatMap(([option, values]) =>
      each('publishedTraceBound', option, values, (v) => publishedTraceBound({ ...published, [option]: v })),
    ),
    simple('publishedTraceBound', 'a norm too few', 'ERR_SHAPE', () =>
      publishedTraceBound({ ...published, norms: [1] }),
    ),
    ...[undefined, null, 1].flatMap((value) => [
      ...each('traceBound', 'inputs', [value], traceBound),
      ...each('publishedTraceBound', 'inputs', [value], publishedTraceBound),
    ]),
  ],
}

/** What `perExampleTraces` gets. */
export const exampleTraces: Theme = {
  name: 'traces of examples',
  on: 'once',
  cases: [
    ...[undefined, null, 1, {}, 'model', () => tf.scalar(1)].flatMap((value) =>
      each('perExampleTraces', 'model', [value], (model) => perExampleTraces(model, [], [])),
    ),
    ...Object.entries({
      ...{ probes: [0, 1, 1.5, 1e9, 2 ** 24, ...notANumber], seed: [-1, 1.5, ...notANumber], batchSize: [1] },
      ...{ signal: [1, {}], onProgress: [1, {}], filter: ['nothing', 1] },
    }).flatMap(([option, values]) =>
      values.map((value) => onModel(`${option}: ${written(value)}`, { [option]: value })),
    ),
    ...[null, 1, 'fast'].map((value) => onModel(`options: ${written(value)}`, value as never)),
    { ...onModel('a signal that has fired', { signal: AbortSignal.abort() }, 'ERR_ABORTED'), message: /by its signal/ },
    onModel('targets of another shape', {}, 'ERR_SHAPE', [2, 3]),
    onModel('no examples', {}, 'ERR_EMPTY', [0, 1], [0, 2]),
  ],
}

/** A call on a small compiled model. */
function onModel(
  what: string,
  options: object,
  outcome: Outcome = 'ERR_INVALID_ARGUMENT',
  y = [2, 1],
  x = [2, 2],
): Case {
  return {
    ...{ of: 'perExampleTraces', what, outcome },
    given: (world) => {
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      world.hold(model as unknown as { dispose(): void })
      const [inputs, targets] = [world.hold(tf.ones(x)), world.hold(tf.ones(y))]
      return () => perExampleTraces(model, inputs, targets, options)
    },
  }
}
