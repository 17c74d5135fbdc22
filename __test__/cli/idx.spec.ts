import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { loadIdx, parseIdx } from '../../src/cli/idx.ts'

function idx(shape: number[], values: number[], type = 0x08): Uint8Array {
  const head = new DataView(new ArrayBuffer(4 + 4 * shape.length))
  head.setUint32(0, (type << 8) | shape.length)
  for (const [axis, length] of shape.entries()) head.setUint32(4 + 4 * axis, length)
  return Uint8Array.from([...new Uint8Array(head.buffer), ...values])
}

const images = (count: number) =>
  idx(
    [count, 28, 28],
    Array.from({ length: count * 784 }, (_, i) => i % 256),
  )

test('reads shape and bytes, plain or gzipped', (t) => {
  const file = idx([2, 3], [1, 2, 3, 4, 5, 6])
  for (const bytes of [file, gzipSync(file)]) {
    const { shape, values } = parseIdx(bytes, 'x', 2)
    t.deepEqual(shape, [2, 3])
    t.deepEqual([...values], [1, 2, 3, 4, 5, 6])
  }
})

test('refuses what is not a whole IDX file of bytes', (t) => {
  const file = idx([2, 3], [1, 2, 3, 4, 5, 6])
  const shape = { code: 'ERR_SHAPE' }
  const argument = { code: 'ERR_INVALID_ARGUMENT' }
  t.throws(() => parseIdx(file.subarray(0, 7), 'x', 2), { ...shape, message: /header of 12 bytes in x, received 7/ })
  t.throws(() => parseIdx(file.subarray(0, -1), 'x', 2), { ...shape, message: /2×3 = 6 values in x, received 5/ })
  t.throws(() => parseIdx(Uint8Array.from([...file, 0]), 'x', 2), { ...shape, message: /received 7/ })
  t.throws(() => parseIdx(idx([2, 3], [1, 2, 3, 4, 5, 6], 0x0d), 'x', 2), {
    ...argument,
    message: /magic number 0x00000802 in x, received 0x00000d02/,
  })
  t.throws(() => parseIdx(file, 'x', 1), argument)
  t.throws(() => parseIdx(gzipSync(file).subarray(0, -6), 'x', 2), { ...argument, message: /gzip stream in x/ })
  t.throws(() => parseIdx(new Uint8Array(), 'x', 2), shape)
})

test('loads the four files of a folder and scales greys', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const missing = (name: RegExp) => ({ code: 'ERR_INVALID_ARGUMENT', message: name })
  await t.throwsAsync(loadIdx(folder), missing(/train-images-idx3-ubyte or .*\.gz/))

  await writeFile(join(folder, 'train-images-idx3-ubyte.gz'), gzipSync(images(3)))
  await t.throwsAsync(loadIdx(folder), missing(/train-labels-idx1-ubyte/))
  await writeFile(join(folder, 'train-labels-idx1-ubyte.gz'), gzipSync(idx([3], [7, 0, 9])))
  await t.throwsAsync(loadIdx(folder), missing(/t10k-images-idx3-ubyte/))
  await writeFile(join(folder, 't10k-images-idx3-ubyte'), images(2))
  await writeFile(join(folder, 't10k-labels-idx1-ubyte'), idx([2], [1, 2]))
  const { train, test: held } = await loadIdx(folder)
  t.deepEqual([...train.labels], [7, 0, 9])
  t.is(train.pixels.length, 3 * 784)
  t.is(train.pixels[255], 1)
  t.is(train.pixels[51], Math.fround(0.2))
  t.deepEqual([...held.labels], [1, 2])

  await writeFile(join(folder, 't10k-labels-idx1-ubyte'), idx([3], [1, 2, 3]))
  await t.throwsAsync(loadIdx(folder), { code: 'ERR_SHAPE', message: /as many labels as images/ })
  await writeFile(join(folder, 't10k-labels-idx1-ubyte'), idx([2], [1, 10]))
  await t.throwsAsync(loadIdx(folder), { code: 'ERR_INVALID_ARGUMENT', message: /labels from 0 to 9 .*received 10/ })
})
