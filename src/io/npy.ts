import { SaltflatError, shown } from '../errors.ts'
import { invalid, knownKeys, oneOf, whole } from '../options.ts'
import { allocated } from './large.ts'

/** Element types of numpy by their names, how a header writes them, and the arrays that hold them here. */
const types = {
  float32: { code: 'f4', array: Float32Array },
  float64: { code: 'f8', array: Float64Array },
  int8: { code: 'i1', array: Int8Array },
  int16: { code: 'i2', array: Int16Array },
  int32: { code: 'i4', array: Int32Array },
  int64: { code: 'i8', array: Float64Array },
  uint8: { code: 'u1', array: Uint8Array },
  uint16: { code: 'u2', array: Uint16Array },
  uint32: { code: 'u4', array: Uint32Array },
  uint64: { code: 'u8', array: Float64Array },
  bool: { code: 'b1', array: Uint8Array },
} as const satisfies Record<NpyType, object>

const names = Object.keys(types) as NpyType[]
const magic = Buffer.from('\x93NUMPY', 'latin1')
/** What numpy itself allows. */
const mostAxes = 64

/** An element type of a `.npy` file, as numpy calls it. */
export type NpyType =
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'

/** What holds the values of a `.npy` file. */
export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array

/** An array of a `.npy` file. */
export interface NpyArray {
  /** Element type in the file. */
  readonly dtype: NpyType
  /** Length of each axis; none for a scalar. */
  readonly shape: readonly number[]
  /** The values in row-major order: the array of the element type; int64 and uint64 as float64, bool as bytes. */
  readonly data: NpyData
}

/**
 * An array as the bytes of a `.npy` file, which `numpy.load` reads: format 1.0, little-endian, row-major.
 *
 * `dtype` is that of `data` unless it says 'bool' (of bytes), 'int64' or 'uint64' (of whole numbers in a Float64Array).
 * Throws ERR_SHAPE where the shape asks for another number of values, ERR_DTYPE for values that `dtype` does not hold.
 * Source: numpy.lib.format.
 *
 * @example
 * const bytes = encodeNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) })
 * const { shape } = decodeNpy(bytes)
 * console.log(shape) // → [ 2, 2 ]
 */
export function encodeNpy(array: { shape: readonly number[]; data: NpyData; dtype?: NpyType }): Buffer {
  if (Array.isArray(array) || ArrayBuffer.isView(array)) {
    const { length } = array as unknown as ArrayLike<number>
    const advice = `Write encodeNpy({ shape: [${length}], data: Float32Array.from(values) }), or another shape of ${length} values.`
    throw invalid('{ shape, data } for encodeNpy', array, advice)
  }
  knownKeys('an array for encodeNpy', array, ['shape', 'data', 'dtype'])
  const { shape, data } = array
  const own = ownType(data)
  const dtype = array.dtype === undefined ? own : oneOf('dtype', array.dtype, names)
  if (ownType(new types[dtype].array()) !== own) {
    throw new SaltflatError('ERR_DTYPE', `Expected a ${types[dtype].array.name} for ${dtype}, received ${shown(data)}.`)
  }
  if (!Array.isArray(shape) || shape.length > mostAxes) throw invalid(`a shape of up to ${mostAxes} axes`, shape)
  for (const length of shape) whole('the length of an axis', length, 0, Number.MAX_SAFE_INTEGER)
  const size = sizeOf(shape)
  if (size !== data.length) {
    throw new SaltflatError('ERR_SHAPE', `Expected ${size} values of shape [${shape}], received ${data.length}.`)
  }
  const { code } = types[dtype]
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const order = code.endsWith('1') ? '|' : '<'
  const header = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${axes}), }`
  // Values begin on a multiple of 64 bytes, and the line ends there.
  const begin = Math.ceil((magic.length + 4 + header.length + 1) / 64) * 64
  const file = allocated(begin + size * Number(code[1]))
  file.set(magic)
  file[6] = 1
  file.writeUInt16LE(begin - magic.length - 4, 8)
  file.write(`${header.padEnd(begin - magic.length - 5)}\n`, 10, 'latin1')
  file.set(dtype === 'int64' || dtype === 'uint64' ? words(dtype, data) : bytesOf(data), begin)
  return file
}

/**
 * The array in the bytes of a `.npy` file: format 1 to 3, either byte order, row- or column-major, any numeric type but
 * float16, complex and long double. The values are a copy, in row-major order.
 *
 * int64 and uint64 come as float64, which holds them exactly up to 2⁵³. Throws ERR_DTYPE for an element type, or a value,
 * that has no place here, and ERR_STATE for what breaks the format. Source: numpy.lib.format.
 *
 * @example
 * const { shape, data } = decodeNpy(encodeNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }))
 */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  if (!ArrayBuffer.isView(bytes) || tagOf(bytes) !== 'Uint8Array') throw invalid('the bytes of a .npy file', bytes)
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!file.subarray(0, magic.length).equals(magic)) throw broken('a file that begins with \\x93NUMPY', 'another')
  const version = file[6] ?? 0
  if (version < 1 || version > 3) throw broken('format 1, 2 or 3', `${version}`)
  const start = version === 1 ? 10 : 12
  const length = file.length < start ? Number.NaN : version === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8)
  if (!(length <= file.length - start)) throw broken('a header that fits into the file', `${file.length} bytes`)
  const { descr, fortran, shape } = parsed(file.toString(version === 3 ? 'utf8' : 'latin1', start, start + length))
  const [, order, code] = /^([<>|=]?)([a-z]\d+)$/.exec(descr) ?? []
  const dtype = names.find((name) => types[name].code === code)
  if (dtype === undefined) {
    throw new SaltflatError(
      'ERR_DTYPE',
      `Expected one of ${names.join(', ')}, received '${descr.slice(0, 60)}'. Save it from numpy as array.astype('float32').`,
    )
  }
  const width = Number(types[dtype].code[1])
  const size = sizeOf(shape)
  const found = file.length - start - length
  if (found !== size * width) throw broken(`${size * width} bytes of values of shape [${shape}]`, `${found}`)
  const values = Buffer.from(new ArrayBuffer(found))
  values.set(file.subarray(start + length))
  if (order === '>' && width > 1) ({ 2: values.swap16, 4: values.swap32, 8: values.swap64 })[width]!.call(values)
  const data = numbers(dtype, values.buffer as ArrayBuffer)
  return { dtype, shape, data: fortran ? rowMajor(data, shape) : data }
}

/** The header is the text of a Python dictionary with these three keys, each once. */
function parsed(text: string): { descr: string; fortran: boolean; shape: number[] } {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1]
  if (inner === undefined || text.length > 65_535) throw broken('a header that is a dictionary', 'something else')
  const found: Record<string, string> = {}
  const entry =
    /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*(\[[^\]]*\]|\([\d\sL,]*\)|'[^']*'|"[^"]*"|True|False)\s*(,|$)/y
  while (entry.lastIndex < inner.trimEnd().length) {
    const [, , key, value] = entry.exec(inner) ?? []
    if (key === undefined || key in found)
      throw broken('descr, fortran_order and shape in the header', 'something else')
    found[key] = value!
  }
  const { descr = '', fortran_order: fortran = '', shape = '' } = found
  if (!/^['"[]/.test(descr) || !/^(True|False)$/.test(fortran))
    throw broken('descr and fortran_order', 'something else')
  const axes = /^\((\s*\d+L?\s*,)*(\s*\d+L?)?\s*\)$/.test(shape) ? (shape.match(/\d+/g) ?? []).map(Number) : null
  if (axes === null || axes.length > mostAxes || !axes.every(Number.isSafeInteger)) {
    throw broken('a shape', `'${shape.slice(0, 60)}'`)
  }
  return { descr: descr.startsWith('[') ? descr : descr.slice(1, -1), fortran: fortran === 'True', shape: axes }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

function numbers(dtype: NpyType, values: ArrayBuffer): NpyData {
  if (dtype !== 'int64' && dtype !== 'uint64') return new types[dtype].array(values)
  const whole = dtype === 'int64' ? new BigInt64Array(values) : new BigUint64Array(values)
  const data = Float64Array.from(whole, Number)
  const wide = data.findIndex((value) => !Number.isSafeInteger(value))
  if (wide >= 0) {
    throw new SaltflatError(
      'ERR_DTYPE',
      `Expected whole numbers of up to 2^53 in ${dtype}, received ${whole[wide]}. Save it from numpy as array.astype('float64') if that is near enough.`,
    )
  }
  return data
}

/** Undoes `numbers` for the wide types. */
function words(dtype: 'int64' | 'uint64', data: NpyData): Uint8Array {
  const wrong = data.find((value) => !Number.isSafeInteger(value) || (dtype === 'uint64' && value < 0))
  if (wrong !== undefined) {
    throw new SaltflatError('ERR_DTYPE', `Expected whole numbers of up to 2^53 for ${dtype}, received ${wrong}.`)
  }
  const big = Array.from(data, BigInt)
  return bytesOf(dtype === 'int64' ? BigInt64Array.from(big) : BigUint64Array.from(big))
}

/** Column-major values in row-major order. */
function rowMajor(data: NpyData, shape: readonly number[]): NpyData {
  const ordered = data.slice()
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)))
  const index = shape.map(() => 0)
  let from = 0
  for (let to = 0; to < ordered.length; to++) {
    ordered[to] = data[from]!
    // The last axis runs fastest; one that is through goes back to its begin, and the next moves on.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return ordered
}

function ownType(data: unknown): NpyType {
  const own = names.find((name) => types[name].array.name === tagOf(data))
  if (own === undefined) throw invalid('a typed array of numbers of 8 to 64 bits for data', data)
  return own
}

/** By its tag, for `instanceof` denies an array of another realm. */
function tagOf(data: unknown): unknown {
  return ArrayBuffer.isView(data) ? (data as Partial<Uint8Array>)[Symbol.toStringTag] : undefined
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function broken(expected: string, received: string): SaltflatError {
  return new SaltflatError('ERR_STATE', `Expected ${expected}, received ${received}. The file is damaged, or another.`)
}
