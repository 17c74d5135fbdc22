import test from 'ava'
import { loadBinding } from '../../src/native/index.ts'

const { Workspace, alignedArray, sample, selfTest } = loadBinding()
test('native memory lies on 64-byte boundaries and the self-test holds', (t) => {
  for (const length of [0, 1, 17, 5000]) t.is(alignedArray(length).length, length)
  t.true(selfTest().ok)
  t.deepEqual(
    sample(7, 'rademacher', 0, 3, 0, 1, 4096).filter((value) => Math.abs(value) !== 1),
    new Float32Array(0),
  )
})

test('workspaces that are dropped without dispose are collected, because V8 knows their size', async (t) => {
  const size = 5e6
  const values = new Float32Array(size)
  const before = process.memoryUsage().rss
  let highest = 0
  for (let i = 0; i < 60; i++) {
    const made = new Workspace([size], 'adam', { sums: 0 })
    // Zero pages that nobody touched would count for nothing.
    made.load([values])
    for (const moment of [0, 1]) made.setVector(`moment${moment}`, 0, values)
    highest = Math.max(highest, process.memoryUsage().rss)
    // Finalizers run between turns of the event loop.
    await new Promise(setImmediate)
  }
  const peak = Math.round((highest - before) / 1e6)
  t.true(peak < 1200, `${peak} MB at the peak of 60 workspaces of 60 MB, which are 3,600 MB`)
})
