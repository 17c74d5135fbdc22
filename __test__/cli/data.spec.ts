import test from 'ava'
import { oneHot, prepare, redraw } from '../../src/cli/data.ts'
import { loadDigits } from '../../src/cli/digits.ts'
import { permutation, random } from '../../src/cli/random.ts'

test('10,000 real digits, every class, greys in [0, 1]', async (t) => {
  const { pixels, labels } = await loadDigits()
  t.is(labels.length, 10_000)
  t.is(pixels.length, 10_000 * 784)
  t.is(new Set(labels).size, 10)
  t.true(pixels.every((grey) => grey >= 0 && grey <= 1))
  const ink = pixels.reduce((sum, grey) => sum + grey, 0) / pixels.length
  t.true(ink > 0.1 && ink < 0.2, `mean grey ${ink}`)
})

test('a label is redrawn with the given probability, and from all ten classes alike', (t) => {
  const clean = Uint8Array.from({ length: 100_000 }, (_, i) => i % 10)
  const noisy = redraw(clean, 0.4, 3)
  const wrong = noisy.filter((label, i) => label !== clean[i]).length / clean.length
  t.true(Math.abs(wrong - 0.36) < 0.006, `${wrong} wrong, 0.36 expected`) // four standard errors
  const counts = new Array(10).fill(0)
  for (const label of noisy) counts[label]++
  t.true(Math.max(...counts.map((count) => Math.abs(count - 10_000))) < 400, `${counts}`)
  t.deepEqual(redraw(clean, 0, 3), clean)
})

test('the seed decides the noise', (t) => {
  const clean = new Uint8Array(1000)
  t.deepEqual(redraw(clean, 0.4, 5), redraw(clean, 0.4, 5))
  t.notDeepEqual(redraw(clean, 0.4, 5), redraw(clean, 0.4, 6))
  t.notDeepEqual(redraw(clean, 0.4, 5), redraw(clean, 0.4, 5 + 2 ** 32)) // the high word counts
})

test('training and test images do not overlap, and the test set does not depend on the training size', (t) => {
  const count = 100
  const pixels = Float32Array.from({ length: count * 784 }, (_, i) => Math.floor(i / 784)) // each image holds its number
  const source = { train: { pixels, labels: Uint8Array.from({ length: count }, (_, i) => i % 10) } }
  const options = { testImages: 40, labelNoise: 0.4, seed: 1 }
  const numbers = (values: Float32Array) => [...values].filter((_, i) => i % 784 === 0)
  const small = prepare(source, { ...options, images: 20 })
  const large = prepare(source, { ...options, images: 60 })
  t.is(new Set([...numbers(large.train.pixels), ...numbers(large.test.pixels)]).size, 100)
  t.deepEqual(small.test, large.test)
  t.deepEqual(numbers(small.train.pixels), numbers(large.train.pixels).slice(0, 20))
  t.deepEqual(
    [...large.test.labels],
    numbers(large.test.pixels).map((n) => n % 10),
  ) // test labels stay clean
  t.deepEqual(
    [...large.trueLabels],
    numbers(large.train.pixels).map((n) => n % 10),
  )
  t.notDeepEqual(large.train.labels, large.trueLabels)
  t.throws(() => prepare(source, { ...options, images: 61 }), { code: 'ERR_EMPTY' })
})

test('a permutation holds every place once and differs from epoch to epoch', (t) => {
  const first = permutation(50, random(0, 'shuffle', 0))
  t.deepEqual(
    [...first].sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  )
  t.notDeepEqual(first, permutation(50, random(0, 'shuffle', 1)))
  t.deepEqual(first, permutation(50, random(0, 'shuffle', 0)))
})

test('one hot rows', (t) => {
  const rows = oneHot(Uint8Array.of(2, 0))
  t.deepEqual([...rows], [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
})
