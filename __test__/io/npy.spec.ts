import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { decodeNpy, encodeNpy, type NpyArray, type NpyType } from '../../src/io/npy.ts'
import { damaged } from '../conformance/fuzz/damage.ts'
import { outcome, runs } from '../helpers/fuzz.ts'

const oracle = JSON.parse(readFileSync(new URL('../oracle/npy.json', import.meta.url), 'utf8')) as {
  cases: { name: string; file: string; dtype: NpyType; shape: number[]; values: (number | 'nan' | 'inf' | '-inf')[] }[]
  refused: Record<string, string>
}
const spelt = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }

/** A file with such a header in format 1. */
function headed(header: string, data: Uint8Array = new Uint8Array(8)): Buffer {
  const start = Buffer.from('\x93NUMPY\x01\x00\0\0', 'latin1')
  start.writeUInt16LE(header.length, 8)
  return Buffer.concat([start, Buffer.from(header, 'latin1'), data])
}

test('files that numpy wrote are read: types, byte orders, row- and column-major, three formats', (t) => {
  for (const { name, file, dtype, shape, values } of oracle.cases) {
    const found = decodeNpy(Buffer.from(file, 'hex'))
    t.is(found.dtype, dtype, name)
    t.deepEqual(found.shape, shape, name)
    t.deepEqual(
      Array.from(found.data),
      values.map((one) => (typeof one === 'string' ? spelt[one] : one)),
      name,
    )
  }
})

test('files in numpy’s first format are written as numpy does, byte for byte', (t) => {
  const same = oracle.cases.filter(({ name }) => /rows|edges|format 1|scalar|nothing|long/.test(name.replace(',', '')))
  t.true(same.length >= 16)
  for (const { name, file } of same) t.is(encodeNpy(decodeNpy(Buffer.from(file, 'hex'))).toString('hex'), file, name)
})

test('what has no place here is refused by its type', (t) => {
  for (const [name, file] of Object.entries(oracle.refused)) {
    t.throws(() => decodeNpy(Buffer.from(file, 'hex')), { code: 'ERR_DTYPE', message: /Expected .+, received / }, name)
  }
})

test('header texts of other writers: double quotes, other order, no spaces, Python 2', (t) => {
  const values = new Uint8Array(Float64Array.of(4).buffer)
  for (const header of [
    `{"shape":(1,),"descr":"<f8","fortran_order":False}`,
    `  { 'fortran_order' : True , 'shape' : ( 1L , 1L ) , 'descr' : '=f8' , }\n`,
  ]) {
    t.deepEqual(Array.from(decodeNpy(headed(header, values)).data), [4])
  }
})

const good = `{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }`
const refused: [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['another file', Buffer.from('PK\x03\x04 an archive of numpy')],
  ['format 0', Buffer.from('\x93NUMPY\x00\x00\0\0', 'latin1')],
  ['format 4', Buffer.from('\x93NUMPY\x04\x00\0\0', 'latin1')],
  ['no length', Buffer.from('\x93NUMPY\x02\x00\0\0', 'latin1')],
  ['a header longer than the file', headed(good).subarray(0, 40)],
  ['no dictionary', headed('None')],
  ['an empty dictionary', headed('{}')],
  ['no shape', headed(`{'descr': '<f8', 'fortran_order': False}`)],
  ['a shape below 0', headed(good.replace('1,', '-1,'))],
  ['a shape that is no tuple', headed(good.replace('(1,)', '1'))],
  ['a shape with a hole', headed(good.replace('(1,)', '(1,,)'))],
  ['a shape too large', headed(good.replace('1,', `${2 ** 40}, ${2 ** 40}`))],
  ['a shape beyond whole numbers', headed(good.replace('1,', '9'.repeat(400)))],
  ['too many axes', headed(good.replace('1,', '1,'.repeat(65)))],
  ['a key twice', headed(good.replace(', }', ", 'shape': (1,)}"))],
  ['a key too many', headed(good.replace(', }', ", 'more': (1,)}"))],
  ['something behind the dictionary', headed(`${good} + 1`)],
  ['a type that is no text', headed(good.replace("'<f8'", 'False'))],
  ['values that are missing', headed(good, new Uint8Array(7))],
  ['values that are too many', headed(good, new Uint8Array(16))],
]

for (const [name, file] of refused) {
  test(`refused: ${name}`, (t) => {
    t.throws(() => decodeNpy(file), { code: 'ERR_STATE', message: /^Expected .+, received .+\. The file/ })
  })
}

test('values start where the file’s buffer does not', (t) => {
  const file = encodeNpy({ shape: [], data: Float64Array.of(Math.PI) })
  const moved = new Uint8Array(file.length + 3)
  moved.set(file, 3)
  t.is(decodeNpy(moved.subarray(3)).data[0], Math.PI)
})

const kinds = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: Float64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: Float64Array,
  bool: Uint8Array,
} as const
const array: fc.Arbitrary<NpyArray> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(kinds) as NpyType[])),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    fc.array(fc.integer({ min: 0, max: 127 }), { minLength: 256, maxLength: 256 }),
  )
  .map(([dtype, shape, values]) => {
    const size = shape.reduce((product, length) => product * length, 1)
    return { dtype, shape, data: kinds[dtype].from(values.slice(0, size)) }
  })

test('what is written is read again; of a damaged file, what is read has the form that it says', async (t) => {
  const codes = new Set<string | null>()
  const property = fc.asyncProperty(array, damaged, async (one, damage) => {
    const file = encodeNpy(one)
    t.deepEqual(decodeNpy(file), one)
    codes.add(
      await outcome(() => {
        const { dtype, shape, data } = decodeNpy(damage(file))
        const size = shape.reduce((product, length) => product * length, 1)
        if (size !== data.length || !(data instanceof kinds[dtype])) throw new Error(`${data.length} of ${shape}`)
      }),
    )
  })
  await t.notThrowsAsync(fc.assert(property, runs(500)))
  t.deepEqual([...codes].map(String).toSorted(), ['ERR_DTYPE', 'ERR_STATE', 'null'])
})

test('any header is refused by type, or read, at once', async (t) => {
  const piece = fc.constantFrom(
    ...[
      "'descr'",
      "'shape'",
      "'fortran_order'",
      ':',
      ',',
      ' ',
      '(',
      ')',
      '(1,)',
      '1',
      "'<f8'",
      'False',
      '{',
      '}',
      '[',
      ']',
    ],
  )
  const property = fc.asyncProperty(fc.array(piece, { maxLength: 400 }), async (pieces) => {
    await outcome(() => decodeNpy(headed(`{${pieces.join('')}}`)))
  })
  await t.notThrowsAsync(fc.assert(property, runs(300)))
  const begun = performance.now()
  for (const filler of [' ', '(', '1,', "'", '[', '{']) {
    const header = `{'shape': (${filler.repeat(Math.floor(60_000 / filler.length))}`
    t.is(await outcome(() => decodeNpy(headed(header))), 'ERR_STATE')
    t.is(await outcome(() => decodeNpy(headed(`${header})}`))), 'ERR_STATE')
  }
  t.true(performance.now() - begun < 2000, `${performance.now() - begun} ms`)
})

test('values without a shape are told how to get one', (t) => {
  for (const values of [Float32Array.of(1, 2, 3), [1, 2, 3]]) {
    const call = () => (encodeNpy as (...args: unknown[]) => unknown)(values, [3])
    const message = /Expected \{ shape, data \}.*received an (array of 3|instance of Float32Array)\. Write .*\[3\]/
    t.throws(call, { code: 'ERR_INVALID_ARGUMENT', message })
  }
})
