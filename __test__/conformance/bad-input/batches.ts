import { type PerturbBatchOptions, perturbBatch, smoothedTrace } from '../../../src/index.ts'
import { assert, type Case, detached, each, notANumber, type Outcome, shared, type Theme, written } from './case.ts'

const three = () => Float32Array.of(1, 2, 3)
const memory = new Float32Array(7)
const held = shared()
const out = (...lengths: number[]) => lengths.map((length) => new Float32Array(length).fill(7))

/** The weights, and options besides a sigma of 0.1. */
const bad: [string, Outcome, unknown, object?][] = [
  ['no weights', 'ERR_INVALID_ARGUMENT', undefined],
  ['null', 'ERR_INVALID_ARGUMENT', null],
  ['a number for the weights', 'ERR_INVALID_ARGUMENT', 3],
  ['a string for the weights', 'ERR_INVALID_ARGUMENT', 'weights'],
  ['a gap among the weights', 'ERR_INVALID_ARGUMENT', [three(), null]],
  ['a sparse array for the weights', 'ERR_INVALID_ARGUMENT', new Array(2)],
  ['an empty array', 'ERR_EMPTY', new Float32Array(0)],
  ['no tensors', 'ERR_EMPTY', []],
  ['empty tensors', 'ERR_EMPTY', [new Float32Array(0), new Float32Array(0)]],
  ['doubles', 'ERR_DTYPE', Float64Array.of(1, 2)],
  ['integers among the tensors', 'ERR_DTYPE', [three(), Int32Array.of(1)]],
  ['text among the tensors', 'ERR_DTYPE', [three(), 'x']],
  ['a plain array', 'ERR_DTYPE', [1, 2, 3]],
  ['a DataView', 'ERR_DTYPE', new DataView(new ArrayBuffer(8))],
  ['a detached array', 'ERR_DETACHED', detached()],
  ['a detached array among the tensors', 'ERR_DETACHED', [three(), detached()]],
  ['two detached arrays', 'ERR_DETACHED', [detached(), detached()]],
  ['shared memory', 'ERR_SHARED', shared()],
  ['shared memory among the tensors', 'ERR_SHARED', [three(), shared()]],
  ['shared memory for out', 'ERR_SHARED', three(), { out: [shared(), shared()] }],
  ['a detached array for out', 'ERR_DETACHED', Float32Array.of(1), { out: [detached(), ...out(1)] }],
  ['doubles for out', 'ERR_DTYPE', three(), { out: [...out(3), new Float64Array(3)] }],
  ['weights for out', 'ERR_OVERLAP', memory.subarray(0, 3), { out: [memory.subarray(0, 3), ...out(3)] }],
  ['weights twice for out', 'ERR_OVERLAP', memory, { out: [memory, memory] }],
  [
    'the same memory as the weights for out',
    'ERR_OVERLAP',
    memory,
    { signs: 'plus', out: [new Float32Array(memory.buffer)] },
  ],
  ['one array twice in place', 'ERR_OVERLAP', [memory, memory], { signs: 'plus', out: [[memory, memory]] }],
  ['shared memory in place', 'ERR_SHARED', held, { signs: 'plus', out: [held] }],
  ['one memory twice for out', 'ERR_OVERLAP', three(), { out: [memory.subarray(0, 3), memory.subarray(2, 5)] }],
  ['a short array for out', 'ERR_SHAPE', three(), { out: out(3, 2) }],
  ['a long array for out', 'ERR_SHAPE', three(), { out: out(4, 3) }],
  ['too few arrays for out', 'ERR_INVALID_ARGUMENT', three(), { out: out(3) }],
  ['too many arrays for out', 'ERR_INVALID_ARGUMENT', three(), { out: out(3, 3, 3) }],
  ['no list for out', 'ERR_INVALID_ARGUMENT', three(), { out: new Float32Array(6) }],
  ['null for out', 'ERR_INVALID_ARGUMENT', three(), { out: null }],
  ['a flat list for the out of tensors', 'ERR_INVALID_ARGUMENT', [three()], { out: out(3, 3) }],
  ['tensors dealt out wrongly', 'ERR_INVALID_ARGUMENT', [three(), three()], { out: [out(3), out(3, 3, 3)] }],
  ['a gap in out', 'ERR_INVALID_ARGUMENT', three(), { out: [...out(3), null] }],
  ['a sparse array for out', 'ERR_INVALID_ARGUMENT', three(), { out: new Array(2) }],
  ['more copies than memory', 'ERR_OUT_OF_MEMORY', new Float32Array(1e6), { perturbations: 2 ** 24 }],
  ['more arrays than V8 can list', 'ERR_OUT_OF_MEMORY', Float32Array.of(1), { perturbations: 2 ** 24 }],
]

const numbers = {
  sigma: [
    -0.1,
    undefined,
    1e39,
    [Number.NaN],
    [0.1, 0.1],
    [],
    ['0.1'],
    ...notANumber.filter((one) => !Array.isArray(one)),
  ],
  perturbations: [0, 1.5, -1, 1e9, 2 ** 24 + 1, ...notANumber],
  first: [-1, 0.5, 2 ** 24, ...notANumber],
  signs: ['plusminus', '', null, 1],
  seed: [-1, 1.5, 2 ** 53, ...notANumber],
  distribution: ['normal', null, 1],
  rounds: [8, '10', null, Number.NaN],
  stream: [-1, 256, 0.5, ...notANumber],
  step: [-1, 2 ** 32, 0.5, ...notANumber],
  device: ['gpu', 'CUDA', '', null, 1],
  sigmas: [0.1],
}

/** Many perturbed copies at once. */
export const batches: Theme = {
  name: 'perturbBatch',
  on: 'once',
  cases: [
    ...bad.map(
      ([what, outcome, weights, options = {}]): Case => ({
        of: 'perturbBatch',
        what,
        outcome,
        given() {
          const all = { sigma: 0.1, ...options } as PerturbBatchOptions
          const outputs = (Array.isArray(all.out) ? all.out.flat() : []) as Float32Array[]
          const values = () => `${outputs.map((one) => Array.from({ length: one?.length ?? 0 }, (_, i) => one[i]))}`
          const before = values()
          return () => {
            try {
              return perturbBatch(weights as Float32Array, all)
            } finally {
              assert(values() === before, 'nothing is written')
            }
          }
        },
      }),
    ),
    ...Object.entries(numbers).flatMap(([option, values]) =>
      each('perturbBatch', option, values, (value) => perturbBatch(three(), { sigma: 0.1, [option]: value })),
    ),
    ...each('perturbBatch', 'options', [undefined, null, 0.1, 'fast'], (value) => perturbBatch(three(), value)),
  ],
}

const traced = {
  sigma: [0, -0, -1, 1e-46, 1e39, undefined, ...notANumber],
  pairs: [0, 1.5, -1, 1e9, ...notANumber],
  seed: [-1, 1.5, 2 ** 53, ...notANumber],
  filter: [1, {}, null, ['x', 1]],
  variables: [undefined, null, 'all', 1, [1]],
  distribution: ['rademacher'],
}

/** Options of an estimate of the trace. */
export const traces: Theme = {
  name: 'options of smoothedTrace',
  on: 'once',
  cases: [
    ...Object.entries(traced).flatMap(([option, values]) =>
      values.map(
        (value): Case => ({
          of: 'smoothedTrace',
          what: `${option}: ${written(value)}`,
          outcome: 'ERR_INVALID_ARGUMENT',
          given:
            ({ loss, variables }) =>
            () =>
              smoothedTrace(loss, { variables, sigma: 0.1, pairs: 1, [option]: value } as never),
        }),
      ),
    ),
    ...[undefined, null, 1, 'fast'].map(
      (options): Case => ({
        of: 'smoothedTrace',
        what: `options: ${written(options)}`,
        outcome: 'ERR_INVALID_ARGUMENT',
        given:
          ({ loss }) =>
          () =>
            smoothedTrace(loss, options as never),
      }),
    ),
  ],
}
