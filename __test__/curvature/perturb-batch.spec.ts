import test from 'ava'
import { minimize, nso, oneSided, perturbBatch, sgd } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import type { Distribution } from '../../src/types.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random } from '../helpers/training.ts'

const { sample } = loadBinding()
const words = (x: Float32Array) => [...new Uint32Array(x.slice().buffer)]
const weights = (length = 1000, seed = 9) => sample(seed, 'gaussian', 0, 0, 0, 0, length)
const distributions: readonly Distribution[] = ['gaussian', 'rademacher', 'uniform', 'laplace']

for (const distribution of distributions) {
  test(`W ± σU of ${distribution} noise, as the sampler draws it`, (t) => {
    const [seed, stream, step, sigma] = [5, 2, 7, 0.25]
    for (const signs of ['both', 'plus', 'minus'] as const) {
      const options = { sigma, seed, stream, step, distribution, perturbations: 3, first: 2, signs }
      // Around 0 each element is one product, which JavaScript rounds alike.
      const copies = perturbBatch(new Float32Array(1000), options)
      const expected = [2, 3, 4].flatMap((j) => {
        const u = sample(seed, distribution, stream, step, j, 0, 1000)
        const [plus, minus] = [u.map((one) => sigma * one), u.map((one) => -sigma * one)]
        return signs === 'both' ? [plus, minus] : [signs === 'plus' ? plus : minus]
      })
      t.deepEqual(copies.map(words), expected.map(words), signs)
      // Around W it is rounded, and the other side as this one is.
      const w = weights()
      for (const [place, copy] of perturbBatch(w, options).entries()) {
        const moves = expected[place]!
        const off = (value: number, i: number) => Math.abs(value - (w[i]! + moves[i]!))
        // W + σU, the way from W to it, and back by as much: each rounded once.
        const ulps = (_: number, i: number) => 2 ** -24 * (2 * Math.abs(w[i]!) + 3 * Math.abs(moves[i]!))
        t.true(copy.every((value, i) => off(value, i) <= ulps(value, i)))
      }
    }
  })
}

test('the defaults: both signs of perturbation 0, seed 0, gaussian, stream 1, step 0, 10 rounds', (t) => {
  const w = weights(100)
  const said = { sigma: 0.1, perturbations: 1, first: 0, signs: 'both', seed: 0, distribution: 'gaussian' } as const
  t.deepEqual(perturbBatch(w, { sigma: 0.1 }), perturbBatch(w, { ...said, rounds: 10, stream: 1, step: 0 }))
  t.is(perturbBatch(w, { sigma: 0.1 }).length, 2)
  t.notDeepEqual(perturbBatch(w, { sigma: 0.1 }), perturbBatch(w, { sigma: 0.1, rounds: 7 }))
})

test('a list of tensors: each is its own number, with its own sigma; 0 copies it', (t) => {
  const [a, b, none, c] = [weights(70, 1), weights(5000, 2), new Float32Array(0), weights(3, 3)]
  const options = { seed: 3, perturbations: 2 }
  const copies = perturbBatch([a, b, none, c], { ...options, sigma: [0.1, 0, 0.1, 0.5] })
  t.deepEqual(
    copies.map((tensors) => tensors.map(({ length }) => length)),
    Array(4).fill([70, 5000, 0, 3]),
  )
  const alone = perturbBatch(a, { ...options, sigma: 0.1 })
  for (const [place, [first, second, , last]] of copies.entries()) {
    t.deepEqual(words(first!), words(alone[place]!))
    t.deepEqual(words(second!), words(b))
    const u = sample(3, 'gaussian', 1, 0, place >> 1, 3, 3)
    const sign = place % 2 === 0 ? 0.5 : -0.5
    t.true(last!.every((value, i) => Math.abs(value - (c[i]! + sign * u[i]!)) < 1e-6))
  }
  t.deepEqual(
    perturbBatch([a], { sigma: 0.1 }),
    perturbBatch(a, { sigma: 0.1 }).map((copy) => [copy]),
  )
  t.deepEqual(perturbBatch([a, c], { sigma: 0.1 }), perturbBatch([a, c], { sigma: [0.1, 0.1] }))
})

test('a sequence in parts is the sequence, and the weights are only read', (t) => {
  const w = weights(40_000)
  const before = words(w)
  const all = perturbBatch(w, { sigma: 0.1, perturbations: 5, seed: 1 })
  const parts = [
    ...perturbBatch(w, { sigma: 0.1, perturbations: 2, seed: 1 }),
    ...perturbBatch(w, { sigma: 0.1, perturbations: 3, first: 2, seed: 1 }),
  ]
  t.deepEqual(parts, all)
  t.deepEqual(words(w), before)
  const last = perturbBatch(w.subarray(0, 9), { sigma: 0.1, first: 2 ** 24 - 1, step: 2 ** 32 - 1, stream: 255 })
  t.true(last.every((copy) => copy.every(Number.isFinite)))
})

test('arrays of your own are filled and returned, also views into one memory', (t) => {
  const w = weights(50)
  const expected = perturbBatch(w, { sigma: 0.1 })
  const memory = new Float32Array(101)
  const out = [memory.subarray(0, 50), memory.subarray(50, 100)]
  const given = perturbBatch(w, { sigma: 0.1, out })
  t.true(given.every((copy, i) => copy === out[i]))
  t.deepEqual(out.map(words), expected.map(words))
  t.is(memory[100], 0)
  const lists = [0, 1].map(() => [new Float32Array(50), new Float32Array(50)])
  t.deepEqual(perturbBatch([w, w], { sigma: 0.1, out: lists }), perturbBatch([w, w], { sigma: 0.1 }))
  t.is(perturbBatch([w, w], { sigma: 0.1, out: lists })[1]![0], lists[1]![0])
})

test('in place the weights become what a copy would be, one array or several', (t) => {
  for (const distribution of distributions) {
    for (const signs of ['plus', 'minus'] as const) {
      const options = { sigma: 0.1, distribution, signs, first: 3, seed: 4 }
      const w = weights(40_001)
      const [expected] = perturbBatch(w, options)
      const given = perturbBatch(w, { ...options, out: [w] })
      t.is(given[0], w)
      t.deepEqual(words(w), words(expected!))
      const list = [weights(70, 1), new Float32Array(0), weights(5000, 2)]
      const [copies] = perturbBatch(list, { ...options, sigma: [0.1, 1, 0] })
      perturbBatch(list, { ...options, sigma: [0.1, 1, 0], out: [list] })
      t.deepEqual(list.map(words), copies!.map(words))
    }
  }
})

test('copies scatter around W: their mean and spread', (t) => {
  const [w, sigma, copies] = [weights(64), 0.5, 4000]
  const plus = perturbBatch(w, { sigma, perturbations: copies, signs: 'plus', seed: 11 })
  for (const [i, value] of w.entries()) {
    const mean = plus.reduce((sum, copy) => sum + copy[i]!, 0) / copies
    const variance = plus.reduce((sum, copy) => sum + (copy[i]! - value) ** 2, 0) / copies
    // Five standard errors.
    t.true(Math.abs(mean - value) < (5 * sigma) / Math.sqrt(copies), `${mean} for ${value}`)
    t.true(Math.abs(variance / sigma ** 2 - 1) < 5 * Math.sqrt(2 / copies), `${variance}`)
  }
  const both = perturbBatch(w, { sigma, perturbations: 3 })
  for (let j = 0; j < 3; j++) {
    t.true(w.every((value, i) => Math.abs((both[2 * j]![i]! + both[2 * j + 1]![i]!) / 2 - value) < 1e-6))
  }
})

for (const rounds of [10, 7] as const) {
  test(`stream 0 and the step of a training: where nso took its gradients, bit for bit, with ${rounds} rounds`, async (t) => {
    const noise = { sigma: 0.3, seed: 21, perturbations: 2, distribution: 'laplace', rounds } as const
    const seen: Float32Array[] = []
    const gradient = (x: Float32Array) => {
      seen.push(x.slice())
      return x.map(Math.sin)
    }
    for (const [make, signs] of [
      [nso, 'both'],
      [oneSided, 'plus'],
    ] as const) {
      const optimizer = make(sgd({ learningRate: 0.1 }), noise)
      let x = weights(130)
      for (let step = 0; step < 3; step++) {
        seen.length = 0
        const expected = perturbBatch(x, { ...noise, stream: 0, step, signs })
        x = (await minimize(gradient, x, optimizer, { steps: 1 })).x
        t.deepEqual(seen.map(words), expected.map(words))
      }
      optimizer.dispose()
    }
  })
}

onEachBackend(test, 'the tensors of a model, where nso took its gradients, bit for bit', (t) => {
  const variables = tf.tidy(() => [random([5, 3], 1), random([7], 2)].map((one) => tf.variable(one)))
  const values = () => variables.map((one) => (one.dataSync() as Float32Array).slice())
  const optimizer = nso(sgd(), { sigma: 0.3, seed: 21, filter: (_, i) => i === 1 })
  const seen: Float32Array[][] = []
  const loss = () => {
    seen.push(values())
    return tf.tidy(() => tf.addN(variables.map((one) => tf.sum(tf.cosh(one)))) as tf.Scalar)
  }
  for (let step = 0; step < 2; step++) {
    seen.length = 0
    const expected = perturbBatch(values(), { sigma: [0, 0.3], seed: 21, stream: 0, step })
    optimizer.minimize(loss, false, variables)
    t.deepEqual(
      seen.map((tensors) => tensors.map(words)),
      expected.map((tensors) => tensors.map(words)),
    )
  }
  optimizer.dispose()
})
