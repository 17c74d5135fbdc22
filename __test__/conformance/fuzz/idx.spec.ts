import { gzipSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { parseIdx } from '../../../src/cli/idx.ts'
import { outcome, runs } from '../../helpers/fuzz.ts'
import { damaged } from './damage.ts'

// IDX files: damaged ones, and any bytes. Each is refused by type, or is as long as it says; a header is not believed
// before the bytes are there.

function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(4 + 4 * shape.length))
  head.setUint32(0, 0x0800 | shape.length)
  for (const [axis, length] of shape.entries()) head.setUint32(4 + 4 * axis, length)
  return Uint8Array.from([...new Uint8Array(head.buffer), ...values])
}

const file = fc
  .tuple(
    fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 3 }),
    fc.uint8Array({ minLength: 125, maxLength: 125 }),
  )
  .map(([shape, values]) => {
    const size = shape.reduce((product, length) => product * length, 1)
    return { shape, values: values.subarray(0, size), bytes: idx(shape, values.subarray(0, size)) }
  })

const text = ({ shape, values }: { shape: readonly number[]; values: Uint8Array }) => `${shape} | ${Array.from(values)}`

/** Reads a file, and checks what it gives. */
async function read(bytes: Uint8Array, dimensions: number): Promise<string | null> {
  return outcome(() => {
    const { shape, values } = parseIdx(bytes, 'x', dimensions)
    const size = shape.reduce((product, length) => product * length, 1)
    if (shape.length !== dimensions || values.length !== size) throw new Error(`${values.length} values of ${shape}`)
  })
}

test('files as they are, damaged ones, and gzipped ones', async (t) => {
  const codes = new Set<string | null>()
  const property = fc.asyncProperty(file, damaged, async ({ shape, values, bytes }, damage) => {
    const packed = gzipSync(bytes)
    for (const one of [bytes, packed]) {
      const found = parseIdx(one, 'x', shape.length)
      if (text(found) !== text({ shape, values })) throw new Error('it is another')
    }
    codes.add(await read(damage(bytes), shape.length))
    codes.add(await read(damage(packed), shape.length))
  })
  await t.notThrowsAsync(fc.assert(property, runs(300)))
  t.deepEqual([...codes].map(String).toSorted(), ['ERR_INVALID_ARGUMENT', 'ERR_SHAPE', 'null'])
})

test('a gzipped file with a bit flipped is refused, or the same', async (t) => {
  const whole = idx([2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6))
  const packed = gzipSync(whole)
  for (let bit = 0; bit < 8 * packed.length; bit++) {
    const flipped = Uint8Array.from(packed)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    let found = text(parseIdx(whole, 'x', 2))
    const code = await outcome(() => {
      found = text(parseIdx(flipped, 'x', 2))
    })
    t.is(found, text(parseIdx(whole, 'x', 2)))
    t.true(code === null || code === 'ERR_INVALID_ARGUMENT' || code === 'ERR_SHAPE', `${code} at ${bit}`)
  }
})

test('any bytes', async (t) => {
  const property = fc.asyncProperty(
    fc.uint8Array({ maxLength: 64 }),
    fc.integer({ min: 1, max: 4 }),
    async (bytes, dimensions) => {
      await read(bytes, dimensions)
      await read(Uint8Array.from([0x1f, 0x8b, ...bytes]), dimensions)
      await read(Uint8Array.from([0, 0, 8, dimensions, ...bytes]), dimensions)
    },
  )
  await t.notThrowsAsync(fc.assert(property, runs(300)))
})

test('a header that claims 2^40 elements, and a stream that unpacks to more than it may, cost nothing', async (t) => {
  const before = process.memoryUsage().rss
  for (const shape of [
    [2 ** 20, 2 ** 20],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 14, 2 ** 13, 2 ** 13],
  ]) {
    const claims = idx(shape, new Uint8Array(8))
    for (const bytes of [claims, gzipSync(claims)]) t.is(await read(bytes, shape.length), 'ERR_SHAPE')
  }
  const bomb = gzipSync(new Uint8Array(2 ** 28 + 1), { level: 1 })
  t.is(await read(bomb, 1), 'ERR_INVALID_ARGUMENT')
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  t.true(grown < 1024, `${grown} MB`)
})
