import { SaltflatError } from '../errors.ts'
import { allocated } from './large.ts'

/** Element types by the names that tfjs and the format give them; tfjs has no float64. */
const types = { float32: 'F32', float64: 'F64', int32: 'I32', bool: 'BOOL' } as const
const elementBytes = { float32: 4, float64: 8, int32: 4, bool: 1 } as const

export type FileType = keyof typeof types

/** A tensor as it lies in a file: its values are little-endian, in row-major order. */
export interface FileTensor {
  readonly name: string
  readonly dtype: FileType
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/**
 * Tensors and text as one safetensors file: the length of the header in 8 bytes, the header in JSON, padded with spaces to
 * a multiple of 8, and all values, one tensor after the other. `__metadata__` comes first, its keys in the order given.
 * Throws ERR_UNSUPPORTED for more than one Buffer holds, ERR_OUT_OF_MEMORY.
 */
export function encodeSafetensors(tensors: readonly FileTensor[], metadata: Readonly<Record<string, string>>): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let end = 0
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype: types[dtype], shape, data_offsets: [end, end + bytes.length] }
    end += bytes.length
  }
  const text = Buffer.from(JSON.stringify(header))
  const padded = Math.ceil(text.length / 8) * 8
  const file = allocated(8 + padded + end)
  file.writeBigUInt64LE(BigInt(padded))
  text.copy(file, 8)
  file.fill(' ', 8 + text.length, 8 + padded)
  let at = 8 + padded
  for (const { bytes } of tensors) {
    file.set(bytes, at)
    at += bytes.length
  }
  return file
}

/** Undoes `encodeSafetensors`, on views of the file. Throws ERR_STATE for whatever breaks the format. */
export function decodeSafetensors(file: Buffer): { tensors: FileTensor[]; metadata: Record<string, string> } {
  const length = file.length < 8 ? Number.NaN : Number(file.readBigUInt64LE())
  if (!(length <= file.length - 8)) throw broken('a header that fits into the file', `${file.length} bytes`)
  const header = parsed(file.subarray(8, 8 + length).toString())
  const data = file.subarray(8 + length)
  const { __metadata__: metadata = {}, ...entries } = header
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw broken('text in the metadata', 'something else')
  }
  const placed = Object.entries(entries).map(([name, entry]) => ({ name, ...described(name, entry) }))
  // A stable sort: tensors without elements stay where they are.
  placed.sort((a, b) => a.begin - b.begin)
  let end = 0
  const tensors = placed.map(({ name, dtype, shape, begin, size }) => {
    if (begin !== end || begin + size > data.length) throw broken('tensors one after the other', `'${name}' elsewhere`)
    end = begin + size
    return { name, dtype, shape, bytes: data.subarray(begin, end) }
  })
  if (end !== data.length) throw broken(`${end} bytes of values`, `${data.length}`)
  return { tensors, metadata: metadata as Record<string, string> }
}

function parsed(text: string): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch {
    throw broken('a header in JSON', 'something else')
  }
  if (!isObject(header)) throw broken('a header that is an object', 'something else')
  return header
}

function described(name: string, entry: unknown): { dtype: FileType; shape: number[]; begin: number; size: number } {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {}
  const type = (Object.keys(types) as FileType[]).find((one) => types[one] === dtype)
  if (type === undefined || !areCounts(shape) || !areCounts(offsets) || offsets.length !== 2) {
    throw broken(`type, shape and offsets of '${name}'`, 'something else')
  }
  const [begin, end] = offsets as [number, number]
  const size = shape.reduce((product, length) => product * length, elementBytes[type])
  if (end - begin !== size) throw broken(`${size} bytes of '${name}'`, `${end - begin}`)
  return { dtype: type, shape, begin, size }
}

function areCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function broken(expected: string, received: string): SaltflatError {
  return new SaltflatError('ERR_STATE', `Expected ${expected}, received ${received}. The file is damaged, or another.`)
}
