/** What a random sequence is for: each purpose has its own, so that adding one moves no other. */
export const purposes = { split: 0, noise: 1, shuffle: 2 } as const

/**
 * A small seeded generator (mulberry32) for splits, label noise and shuffles: uniform numbers in [0, 1).
 * `seed`, `purpose` and `index` (say, the epoch) are mixed into the start, so every sequence can be drawn alone.
 * It is not the generator of the training noise, which is the library's and counter-based.
 */
export function random(seed: number, purpose: keyof typeof purposes, index = 0): () => number {
  let state = [seed % 2 ** 32, Math.floor(seed / 2 ** 32), purposes[purpose], index].reduce(
    (hash, word) => mix((hash ^ word) >>> 0),
    0x9e3779b9,
  )
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The numbers 0 … count − 1 in random order (Fisher–Yates). */
export function permutation(count: number, next: () => number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1))
    const held = order[last]!
    order[last] = order[other]!
    order[other] = held
  }
  return order
}

/** A bijection of 32-bit words that spreads every bit (the finaliser of MurmurHash3). */
function mix(word: number): number {
  let bits = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
