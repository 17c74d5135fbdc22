import test from 'ava'
import { onEachBackend } from '../helpers/backends.ts'
import { pairwise, product } from './covering.ts'
import { conforms, factors, title, valid } from './training.ts'

// Every optimizer on every kind of model, by every way in, on every backend. All combinations take many minutes
// (`npm run test:long`); here each pair of two values meets at least once.
const all = product(factors, valid)
const cells = pairwise(factors, all)

test('each pair of values that can meet does', (t) => {
  const names = Object.keys(factors) as (keyof typeof factors)[]
  const pairs = (rows: typeof all) =>
    new Set(
      rows.flatMap((row) =>
        names.flatMap((a, i) => names.slice(i + 1).map((b) => `${a} ${nameOf(row[a])}, ${b} ${nameOf(row[b])}`)),
      ),
    )
  t.deepEqual([...pairs(cells)].sort(), [...pairs(all)].sort())
  t.true(cells.length < all.length / 20)
})

const nameOf = (value: string | { name: string }) => (typeof value === 'string' ? value : value.name)

for (const cell of cells) onEachBackend(test, title(cell), (t) => conforms(t, cell), [cell.backend])
