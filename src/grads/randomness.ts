import { loadBinding, typed } from '../native/index.ts'

/** Stream of randomness inside the model: see the design's table of streams. */
const stream = 5
const none = new Uint32Array(0)

/**
 * Runs `f` with `Math.random` replaced by a generator that starts at (seed, step, perturbation), so that unseeded dropout
 * draws the same mask in both halves of a pair, another in the next step, and the same again in a resumed run.
 */
export function withRandomness<T>(seed: number, step: number, perturbation: number, f: () => T): T {
  const original = replaceRandom(seed, step, perturbation)
  try {
    return f()
  } finally {
    Math.random = original
  }
}

/** Puts that generator into the place of `Math.random`; returns what was there, to be put back. */
export function replaceRandom(seed: number, step: number, perturbation: number): typeof Math.random {
  const original = Math.random
  let words: Uint32Array = none
  let next = 0
  let drawn = 0
  let length = 64
  Math.random = () => {
    if (next === words.length) {
      words = typed(() => loadBinding().randomWords(seed, stream, step, perturbation, drawn / 64, length))
      drawn += length
      // A model draws a seed a layer, so few words: later blocks are longer.
      length = Math.min(4096, 4 * length)
      next = 0
    }
    // 53 bits, as V8's own.
    const high = words[next]! >>> 5
    const low = words[next + 1]! >>> 6
    next += 2
    return (high * 0x4000000 + low) / 0x20000000000000
  }
  return original
}
