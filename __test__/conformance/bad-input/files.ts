import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeNpy, encodeNpy, loadResult, type NpyArray, save } from '../../../src/index.ts'
import { type Case, detached, each, type Outcome, simple, type Theme, written } from './case.ts'

const notBytes = [undefined, null, 1, 'x.npy', {}, [0x93], new Float32Array(4), new ArrayBuffer(8)]
const notData = [undefined, null, 1, 'x', {}, [1, 2], new BigInt64Array(2), new DataView(new ArrayBuffer(8))]
const notAShape = [undefined, null, 2, '2', {}, new Array(65).fill(1), [-1], [1.5], ['2'], [2 ** 53]]
const notAType = ['float16', 'f4', '', null, 4, 'constructor']

const two = Float32Array.of(1, 2)
const refused: [string, Outcome, Partial<Record<keyof NpyArray, unknown>>][] = [
  ['too few values', 'ERR_SHAPE', { shape: [3] }],
  ['a shape whose product overflows', 'ERR_SHAPE', { shape: [2 ** 52, 2 ** 52, 2 ** 52] }],
  ['values that are gone', 'ERR_SHAPE', { data: detached(2) }],
  ['floats called int32', 'ERR_DTYPE', { dtype: 'int32' }],
  ['fractions called int64', 'ERR_DTYPE', { dtype: 'int64', data: Float64Array.of(1, 0.5) }],
  ['NaN called int64', 'ERR_DTYPE', { dtype: 'int64', data: Float64Array.of(1, Number.NaN) }],
  ['a negative number called uint64', 'ERR_DTYPE', { dtype: 'uint64', data: Float64Array.of(1, -1) }],
]

const top = {
  method: 'lanczos',
  values: [1],
  residuals: [0],
  converged: [true],
  vectors: null,
  steps: 1,
  passes: 1,
  bytes: 4,
  complete: true,
  wallMs: 1,
} as const
const notAResult = [
  ...[undefined, null, 1, 'x', [], {}, { a: 1 }, { a: null }, { method: 'constructor' }, { method: 1 }],
  ...[
    { method: 'lanczos' },
    { ...top, values: [] },
    { ...top, values: 1 },
    { ...top, values: ['1'] },
    { a: top, b: {} },
  ],
]
const notAPath = [undefined, null, 1, {}, '', 'x', 'x.pdf', 'x.constructor', 'html', '.json/']
const notAFormat = [null, 1, {}, '', 'pdf', '.json', 'constructor']
const here = join(tmpdir(), 'saltflat-never-written.json')

/** Files that others read. */
export const files: Theme = {
  name: 'files of arrays',
  on: 'once',
  cases: [
    ...each('save', 'result', notAResult, (result) => save(result, here)),
    ...each('save', 'path', notAPath, (path) => save(top, path)),
    ...each('save', 'format', notAFormat, (format) => save(top, here, format)),
    simple('save', 'two in one array', 'ERR_INVALID_ARGUMENT', () => save({ a: top, b: top }, 'x.npy')),
    simple('save', 'a folder as a file', 'ERR_INVALID_ARGUMENT', () => save(top, tmpdir(), 'json')),
    ...each('loadResult', 'path', [undefined, null, 1, {}, '', here, tmpdir()], loadResult),
    ...each('decodeNpy', 'bytes', notBytes, decodeNpy),
    simple('decodeNpy', 'bytes of another file', 'ERR_STATE', () => decodeNpy(Buffer.from('PK'))),
    simple('decodeNpy', 'a text array', 'ERR_DTYPE', () =>
      decodeNpy(
        Buffer.from(
          encodeNpy({ shape: [2], data: two })
            .toString('latin1')
            .replace('<f4', '<U2'),
          'latin1',
        ),
      ),
    ),
    ...[undefined, null, 1, 'x', two].map((value) =>
      simple('encodeNpy', `array: ${written(value)}`, 'ERR_INVALID_ARGUMENT', () => encodeNpy(value as never)),
    ),
    ...each('encodeNpy', 'data', notData, (data) => encodeNpy({ shape: [2], data })),
    ...each('encodeNpy', 'shape', notAShape, (shape) => encodeNpy({ shape, data: two })),
    ...each('encodeNpy', 'dtype', notAType, (dtype) => encodeNpy({ shape: [2], data: two, dtype })),
    simple('encodeNpy', 'a misspelt key', 'ERR_INVALID_ARGUMENT', () =>
      encodeNpy({ shape: [2], data: two, type: 'float32' } as never),
    ),
    ...refused.map(
      ([what, outcome, changes]): Case =>
        simple('encodeNpy', what, outcome, () => encodeNpy({ shape: [2], data: two, ...changes } as NpyArray)),
    ),
  ],
}
