// Messages of protocol buffers, written field by field: each function gives the bytes of one field with its number, and
// the bytes of a message are those of its fields, one after the other.

const [varintType, doubleType, bytesType, floatType] = [0, 1, 2, 5]

/** A whole number ≥ 0 (int32, int64, enum, bool). */
export function whole(field: number, value: number): Buffer {
  return Buffer.from([...key(field, varintType), ...varint(value)])
}

/** A double. */
export function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([Buffer.from(key(field, doubleType)), bytes])
}

/** A float; beyond its range, infinite. */
export function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([Buffer.from(key(field, floatType)), bytes])
}

/** Text, or bytes. */
export function text(field: number, value: string | Uint8Array): Buffer {
  return message(field, Buffer.from(value as string))
}

/** A message of these fields. */
export function message(field: number, ...fields: readonly Uint8Array[]): Buffer {
  const length = fields.reduce((sum, one) => sum + one.length, 0)
  return Buffer.concat([Buffer.from([...key(field, bytesType), ...varint(length)]), ...fields])
}

/** Packed doubles. */
export function doubles(field: number, values: readonly number[]): Buffer {
  const { buffer } = Float64Array.from(values)
  return message(field, new Uint8Array(buffer))
}

function key(field: number, type: number): number[] {
  return varint(field * 8 + type)
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. Not by shifts, which know 32 bits only. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return [...bytes, rest]
}
