/** A round that warms up is so many times longer: V8 compiles what has run often. */
const warmUp = 4

/**
 * Lets contestants take turns: one round to warm up, then `rounds` in which each is measured once. The order moves on by
 * one place a round, so that nobody always runs in the wake of the same other one; it begins `shift` places on. With `wake`
 * each warms up at every turn.
 *
 * tinybench and its like run one task to its end before the next begins, and in one process. Here the contestants of a
 * question live in several processes, and on a machine that speeds up and slows down only neighbours in time compare.
 */
export async function interleave<T>(
  names: readonly string[],
  rounds: number,
  measure: (name: string, effort: number) => Promise<T>,
  { wake = false, shift = 0 }: { wake?: boolean; shift?: number } = {},
): Promise<Map<string, T[]>> {
  const values = new Map(names.map((name): [string, T[]] => [name, []]))
  if (!wake) for (const name of names) await measure(name, warmUp)
  for (let round = 0; round < rounds; round++) {
    for (const name of rotated(names, shift + round)) {
      if (wake) await measure(name, 1)
      values.get(name)!.push(await measure(name, 1))
    }
  }
  return values
}

/** The list that begins `by` places further on. */
export function rotated<T>(list: readonly T[], by: number): T[] {
  const start = list.length === 0 ? 0 : by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}
