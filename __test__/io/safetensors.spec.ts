import { readFileSync } from 'node:fs'
import test from 'ava'
import { SaltflatError } from '../../src/index.ts'
import { decodeSafetensors, encodeSafetensors, type FileTensor } from '../../src/io/safetensors.ts'
import { loadBinding } from '../../src/native/index.ts'

const tensors: FileTensor[] = [
  { name: 'a', dtype: 'float32', shape: [2, 1], bytes: new Uint8Array(Float32Array.of(-0, Number.NaN).buffer) },
  { name: 'empty', dtype: 'int32', shape: [0, 3], bytes: new Uint8Array(0) },
  { name: 'none', dtype: 'float32', shape: [0], bytes: new Uint8Array(0) },
  { name: 'scalar', dtype: 'int32', shape: [], bytes: new Uint8Array(Int32Array.of(-7).buffer) },
  { name: 'sums', dtype: 'float64', shape: [2], bytes: new Uint8Array(Float64Array.of(Math.PI, -0).buffer) },
  { name: 'mask', dtype: 'bool', shape: [3], bytes: Uint8Array.of(1, 0, 1) },
]

/** A file with such a header. */
function headed(header: unknown, data = 0, length?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const file = Buffer.alloc(8 + text.length + data)
  file.writeBigUInt64LE(length ?? BigInt(text.length))
  text.copy(file, 8)
  return file
}

const oracle = JSON.parse(readFileSync(new URL('../oracle/safetensors.json', import.meta.url), 'utf8')) as {
  file: string
  tensors: (Omit<FileTensor, 'bytes'> & { hex: string })[]
}

test('a file of the reference implementation is read', (t) => {
  const { tensors, metadata } = decodeSafetensors(Buffer.from(oracle.file, 'hex'))
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  t.deepEqual(
    tensors.map(({ bytes, ...one }) => ({ ...one, hex: Buffer.from(bytes).toString('hex') })).sort(byName),
    oracle.tensors.toSorted(byName),
  )
  t.deepEqual(metadata, { framework: 'numpy' })
})

test('the file that the reference implementation writes, byte for byte, given its order', (t) => {
  const { tensors, metadata } = decodeSafetensors(Buffer.from(oracle.file, 'hex'))
  t.is(encodeSafetensors(tensors, metadata).toString('hex'), oracle.file)
})

test('what is written is read again, in order, its values on a multiple of 8 bytes', (t) => {
  for (const pad of ['', 'x', 'xx', 'xxxxxxx']) {
    const metadata = { pad, quoted: '"\\\n√' }
    const file = encodeSafetensors(tensors, metadata)
    const read = decodeSafetensors(file)
    t.deepEqual(read.metadata, metadata)
    t.deepEqual(
      read.tensors.map((one) => ({ ...one, bytes: new Uint8Array(one.bytes) })),
      tensors,
    )
    t.is(Number(file.readBigUInt64LE()) % 8, 0)
  }
})

const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }
const refused: [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['less than a length', Buffer.alloc(7)],
  ['a header longer than the file', headed({}, 0, 3n)],
  ['a header without end', headed({}, 0, 2n ** 64n - 1n)],
  ['no JSON', headed('{"a":')],
  ['JSON that is no object', headed([1])],
  ['null', headed('null')],
  ['JSON that is nested without end', headed('['.repeat(1e6))],
  ['metadata that is no text', headed({ __metadata__: { a: 1 } })],
  ['metadata that is no object', headed({ __metadata__: 'a' })],
  ['a tensor that is null', headed({ a: null })],
  ['another type', headed({ a: { ...entry, dtype: 'F16' } }, 4)],
  ['a type of Object.prototype', headed({ a: { ...entry, dtype: 'toString' } }, 8)],
  ['a shape below 0', headed({ a: { ...entry, shape: [-2] } }, 8)],
  ['a shape that is no whole number', headed({ a: { ...entry, shape: [1.5] } }, 8)],
  ['a shape too large', headed({ a: { ...entry, shape: [2 ** 40, 2 ** 40] } }, 8)],
  ['offsets that are too few', headed({ a: { ...entry, data_offsets: [0] } }, 8)],
  ['offsets that run back', headed({ a: { ...entry, data_offsets: [8, 0] } }, 8)],
  ['offsets that do not fit the shape', headed({ a: { ...entry, data_offsets: [0, 12] } }, 12)],
  ['values that are missing', headed({ a: entry }, 7)],
  ['values that are too many', headed({ a: entry }, 9)],
  ['a hole between tensors', headed({ a: entry, b: { ...entry, data_offsets: [12, 20] } }, 20)],
  ['tensors that overlap', headed({ a: entry, b: { ...entry, data_offsets: [4, 12] } }, 12)],
  [
    'a name that comes twice',
    headed(`{"a":${JSON.stringify(entry)},"a":${JSON.stringify({ ...entry, data_offsets: [8, 16] })}}`, 16),
  ],
]

for (const [name, file] of refused) {
  test(`refused: ${name}`, (t) => {
    t.throws(() => decodeSafetensors(file), { code: 'ERR_STATE', message: /^Expected .+, received .+\. The file/ })
  })
}

test('20,000 files with random bytes changed, cut or repeated: read, or refused with a typed error', (t) => {
  const file = encodeSafetensors(tensors, { a: 'b' })
  const words = loadBinding().randomWords(1, 4, 0, 0, 0, 80_000)
  let refusals = 0
  for (let i = 0; i < 20_000; i++) {
    const [place, value, kind, count] = words.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number]
    const at = place % file.length
    const length = 1 + (count % 8)
    const changed = Buffer.from(file)
    if (kind % 4 < 2) changed.fill(value % 256, at, Math.min(at + length, file.length))
    const bad =
      kind % 4 === 2
        ? changed.subarray(0, at)
        : kind % 4 === 3
          ? Buffer.concat([changed.subarray(0, at + length), changed.subarray(at)])
          : changed
    try {
      decodeSafetensors(bad)
    } catch (error) {
      if (!(error instanceof SaltflatError) || error.code !== 'ERR_STATE') throw error
      refusals++
    }
  }
  t.true(refusals > 10_000 && refusals < 20_000, `${refusals}`)
})
