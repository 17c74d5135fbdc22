import test from 'ava'
import { permutation } from '../../src/data/permutation.ts'
import { loadBinding } from '../../src/native/index.ts'

const sorted = (order: Int32Array) => Array.from(order.toSorted())
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

test('each number once, whatever the count', (t) => {
  for (const count of [0, 1, 2, 3, 63, 64, 65, 1000, 4097, 30_000]) {
    t.deepEqual(sorted(permutation(7, 3, count)), numbers(count), `${count}`)
  }
})

test('a function of seed and epoch alone, other for another of either', (t) => {
  const order = permutation(7, 3, 100)
  permutation(8, 1, 1000)
  t.deepEqual(permutation(7, 3, 100), order)
  for (const other of [permutation(7, 4, 100), permutation(8, 3, 100), permutation(7 + 2 ** 32, 3, 100)]) {
    t.notDeepEqual(other, order)
  }
})

test('words come from stream 4, step = epoch: written out by hand for five numbers', (t) => {
  const [seed, epoch] = [11, 5]
  const words = Array.from(loadBinding().randomWords(seed, 4, epoch, 0, 0, 64))
  const order = [0, 1, 2, 3, 4]
  for (const [last, bits] of [
    [4, 3],
    [3, 2],
    [2, 2],
    [1, 1],
  ] as const) {
    let chosen = words.shift()! >>> (32 - bits)
    while (chosen > last) chosen = words.shift()! >>> (32 - bits)
    ;[order[last], order[chosen]] = [order[chosen]!, order[last]!]
  }
  t.deepEqual(Array.from(permutation(seed, epoch, 5)), order)
})

test('all 24 orders of four numbers are equally likely', (t) => {
  const draws = 24_000
  const counts = new Map<string, number>()
  for (let epoch = 0; epoch < draws; epoch++) {
    const order = permutation(1, epoch, 4).join()
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  const expected = draws / 24
  const chi = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  t.is(counts.size, 24)
  // 49.73: the 0.1 % point of chi-squared with 23 degrees of freedom.
  t.true(chi < 49.73, `chi-squared ${chi}`)
})

test('every number is as often at every place', (t) => {
  const [count, draws] = [10, 10_000]
  const table = Array.from({ length: count }, () => new Float64Array(count))
  for (let epoch = 0; epoch < draws; epoch++) {
    for (const [place, number] of permutation(2, epoch, count).entries()) table[place]![number]!++
  }
  const expected = draws / count
  const chi = table.reduce((all, row) => all + row.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0), 0)
  // 126.1: the 0.1 % point of chi-squared with 81 degrees of freedom.
  t.true(chi < 126.1, `chi-squared ${chi}`)
})

test('a seed or an epoch out of range is a typed error', (t) => {
  for (const [seed, epoch] of [
    [-1, 0],
    [0.5, 0],
    [0, 2 ** 32],
    [0, -1],
  ] as const) {
    t.throws(() => permutation(seed, epoch, 5), { code: 'ERR_INVALID_ARGUMENT' })
  }
})
