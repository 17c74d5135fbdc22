import { loadBinding } from '../native/index.ts'

/** Stream of randomness inside the model: see the design's table of streams. */
const stream = 5
const block = 4096

/** What addresses the in-model randomness of a pass: the two halves of a pair share it. */
export interface RandomnessKey {
  readonly seed: number
  readonly step: number
  readonly perturbation: number
}

/**
 * Runs `f` with `Math.random` replaced by a generator that starts at the key, so that unseeded dropout draws the same
 * mask in both halves of a pair, another in the next step, and the same again in a resumed run.
 */
export function withRandomness<T>(key: RandomnessKey, f: () => T): T {
  const original = Math.random
  let words: Uint32Array = new Uint32Array(0)
  let next = 0
  let drawn = 0
  Math.random = () => {
    if (next === words.length) {
      words = loadBinding().randomWords(key.seed, stream, key.step, key.perturbation, drawn / 64, block)
      drawn += block
      next = 0
    }
    // 53 bits, as V8's own.
    const high = words[next]! >>> 5
    const low = words[next + 1]! >>> 6
    next += 2
    return (high * 0x4000000 + low) / 0x20000000000000
  }
  try {
    return f()
  } finally {
    Math.random = original
  }
}
