import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { SaltflatError, said } from '../errors.ts'
import type { Images } from './data.ts'

/** The contents of one IDX file: unsigned bytes and their shape, `[count]` for labels, `[count, rows, columns]` for images. */
export interface Idx {
  readonly shape: readonly number[]
  readonly values: Uint8Array
}

/**
 * Reads an IDX file of unsigned bytes (the format of MNIST and Fashion-MNIST), gzipped or not.
 * `name` only serves the messages. Throws ERR_INVALID_ARGUMENT on another magic number or a broken gzip stream, and
 * ERR_SHAPE when the file is shorter or longer than its header says.
 */
export function parseIdx(file: Uint8Array, name: string, dimensions: number): Idx {
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? unzip(file, name) : file
  const head = 4 + 4 * dimensions
  if (bytes.length < head) {
    throw new SaltflatError(
      'ERR_SHAPE',
      `Expected a header of ${head} bytes in ${name}, received ${bytes.length} bytes.`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = 0x0800 | dimensions // two zero bytes, 8 = unsigned byte, number of dimensions
  if (view.getUint32(0) !== magic) {
    const received = `0x${view.getUint32(0).toString(16).padStart(8, '0')}`
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected the IDX magic number 0x${magic.toString(16).padStart(8, '0')} in ${name}, received ${received}.`,
    )
  }
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis))
  const size = shape.reduce((product, length) => product * length, 1)
  if (bytes.length !== head + size) {
    const expected = `${shape.join('×')} = ${size} values`
    throw new SaltflatError('ERR_SHAPE', `Expected ${expected} in ${name}, received ${bytes.length - head}.`)
  }
  return { shape, values: bytes.subarray(head) }
}

/**
 * The training and test images of a folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
 * `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each plain or with `.gz`. Greys are scaled to [0, 1].
 */
export async function loadIdx(folder: string): Promise<{ train: Images; test: Images }> {
  // One after another, so that of several missing files it is always the first that is named.
  const train = await loadPart(folder, 'train')
  return { train, test: await loadPart(folder, 't10k') }
}

async function loadPart(folder: string, part: string): Promise<Images> {
  const images = await loadFile(folder, `${part}-images-idx3-ubyte`, 3)
  const labels = await loadFile(folder, `${part}-labels-idx1-ubyte`, 1)
  const [count, rows, columns] = images.shape
  if (rows !== 28 || columns !== 28) {
    throw new SaltflatError('ERR_SHAPE', `Expected images of 28×28 in ${folder}, received ${rows}×${columns}.`)
  }
  if (labels.shape[0] !== count) {
    throw new SaltflatError(
      'ERR_SHAPE',
      `Expected as many labels as images in ${folder} (${part}), received ${labels.shape[0]} and ${count}.`,
    )
  }
  const wrong = labels.values.find((label) => label > 9)
  if (wrong !== undefined) {
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected labels from 0 to 9 in ${folder} (${part}), received ${wrong}.`,
    )
  }
  const pixels = Float32Array.from(images.values)
  for (let i = 0; i < pixels.length; i++) pixels[i]! /= 255 // 47 million numbers: no call for each
  return { pixels, labels: labels.values }
}

async function loadFile(folder: string, name: string, dimensions: number): Promise<Idx> {
  for (const candidate of [name, `${name}.gz`]) {
    const bytes = await readFile(join(folder, candidate)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
      throw error
    })
    if (bytes) return parseIdx(bytes, candidate, dimensions)
  }
  throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected ${name} or ${name}.gz in ${folder}, found neither.`)
}

/** Bytes that a file may have when it is unpacked: several times those of the largest one, and no bomb. */
const largest = 2 ** 28

function unzip(file: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(file, { maxOutputLength: largest })
  } catch (cause) {
    const reason = said(cause)
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected a whole gzip stream in ${name}: ${reason}.`, { cause })
  }
}
