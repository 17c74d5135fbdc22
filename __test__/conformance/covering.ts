/** A choice of one value a factor. */
export type Cell<F> = { [Name in keyof F]: F[Name] extends readonly (infer Value)[] ? Value : never }

type Factors = Record<string, readonly unknown[]>

/** Every combination of the factors' values that is `valid`. */
export function product<F extends Factors>(factors: F, valid: (cell: Cell<F>) => boolean): Cell<F>[] {
  const names = Object.keys(factors)
  const rows = names.reduce<Record<string, unknown>[]>(
    (cells, name) => cells.flatMap((cell) => factors[name]!.map((value) => ({ ...cell, [name]: value }))),
    [{}],
  )
  return (rows as Cell<F>[]).filter(valid)
}

/** The pairs of values that a cell has, as keys. */
function pairsOf<F extends Factors>(factors: F, cell: Cell<F>): string[] {
  const places = Object.keys(factors).map((name) => factors[name]!.indexOf(cell[name]))
  return places.flatMap((a, i) => places.slice(i + 1).map((b, j) => `${i}:${a} ${i + 1 + j}:${b}`))
}

/**
 * Few cells in which every pair of values of two factors that occurs in `cells` occurs: the one with most new pairs first,
 * the same each time.
 */
export function pairwise<F extends Factors>(factors: F, cells: readonly Cell<F>[]): Cell<F>[] {
  let open = cells.map((cell) => ({ cell, pairs: pairsOf(factors, cell) }))
  const missing = new Set(open.flatMap(({ pairs }) => pairs))
  const chosen: Cell<F>[] = []
  const fresh = (pairs: readonly string[]) => pairs.reduce((count, pair) => count + Number(missing.has(pair)), 0)
  while (missing.size > 0) {
    let best = open[0]!
    let most = 0
    const left: typeof open = []
    for (const one of open) {
      const count = fresh(one.pairs)
      if (count > 0) left.push(one)
      if (count > most) [best, most] = [one, count]
    }
    chosen.push(best.cell)
    for (const pair of best.pairs) missing.delete(pair)
    open = left
  }
  return chosen
}
