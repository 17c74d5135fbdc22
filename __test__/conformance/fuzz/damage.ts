import fc from 'fast-check'

/** What happens to bytes: one bit flips, the end is lost, something is put behind, or a few bytes are written over. */
export const damaged: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc.oneof(
  fc.tuple(fc.nat(), fc.integer({ min: 0, max: 7 })).map(([place, bit]) => (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes)
    if (copy.length > 0) copy[place % copy.length]! ^= 1 << bit
    return copy
  }),
  fc.nat().map((length) => (bytes: Uint8Array) => bytes.slice(0, length % (bytes.length + 1))),
  fc
    .uint8Array({ minLength: 1, maxLength: 20 })
    .map((more) => (bytes: Uint8Array) => Uint8Array.from([...bytes, ...more])),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(([place, over]) => (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes)
    const start = place % (copy.length + 1)
    copy.set(over.subarray(0, copy.length - start), start)
    return copy
  }),
)
