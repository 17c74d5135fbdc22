import { fromNative, loadBinding } from '../native/index.ts'

/** Stream of the noise that data is drawn from: see the table of streams. */
const stream = 4
/** Words in a tile of the generator, and the most tiles drawn at a time. */
const [tileWords, most] = [64, 64]

/**
 * The numbers 0 … count − 1 in the order of an epoch: Fisher–Yates on the generator of the noise, each of the count!
 * orders as likely as any other. A function of (seed, epoch, count) alone, the same on every machine.
 */
export function permutation(seed: number, epoch: number, count: number): Int32Array {
  const next = words(seed, epoch)
  const order = Int32Array.from({ length: count }, (_, i) => i)
  for (let last = count - 1; last > 0; last--) {
    // As many bits as `last` has: what is too large is drawn again, so that no number is likelier than another.
    const shift = Math.clz32(last)
    let chosen = next() >>> shift
    while (chosen > last) chosen = next() >>> shift
    const held = order[last]!
    order[last] = order[chosen]!
    order[chosen] = held
  }
  return order
}

/** The words of an epoch, one after the other. */
function words(seed: number, epoch: number): () => number {
  let block: Uint32Array = new Uint32Array(0)
  let [next, tile, tiles] = [0, 0, 1]
  return () => {
    if (next === block.length) {
      try {
        block = loadBinding().randomWords(seed, stream, epoch, 0, tile, tileWords * tiles)
      } catch (error) {
        throw fromNative(error)
      }
      tile += tiles
      tiles = Math.min(most, 4 * tiles)
      next = 0
    }
    return block[next++]!
  }
}
