/**
 * What a misspelt word was meant to be: the nearest of `known`, at most two letters added, lost, exchanged or swapped
 * with their neighbour, and fewer in short words; the case of letters does not count. undefined where nothing is near.
 *
 * @example
 * suggestion('sigmaa', ['sigma', 'seed']) // 'sigma'
 */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  // A word is compared in full, so a long one costs time and cannot be near anyway.
  if (word.length > 40) return undefined
  const [nearest] = known
    .map((one) => ({ one, distance: distance(word.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance: edits }) => edits <= Math.min(2, Math.floor(Math.max(word.length, one.length) / 3)))
    .sort((a, b) => a.distance - b.distance)
  return nearest?.one
}

/** Optimal string alignment: rows of the table of prefixes, the last two of which a swap needs. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, above[j]! + 1, row[j - 1]! + 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    before = above
    above = row
  }
  return above[b.length]!
}
