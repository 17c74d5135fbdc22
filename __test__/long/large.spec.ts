import { mkdtemp, rm, stat } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import test from 'ava'
import { resume, saveCheckpoint, sgd } from '../../src/index.ts'

// Node reads, writes and hashes less than 2 GiB in one call; the model, the file, and what is read of it, take 9 GB.
const gibibyte = 2 ** 30
const size = (2 * gibibyte + 4096) / Float32Array.BYTES_PER_ELEMENT
const needed = 12 * gibibyte

test('a checkpoint larger than 2 GiB is written whole, and gives every weight back', async (t) => {
  if (freemem() < needed) {
    console.error(`SKIPPED: checkpoints larger than 2 GiB need ${needed / gibibyte} GiB of free memory`)
    return t.pass()
  }
  const dir = await mkdtemp(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  await tf.setBackend('cpu')
  const values = new Float32Array(size)
  // Near both ends, and on both sides of each GiB.
  const places = [0, gibibyte / 4 - 1, gibibyte / 4, gibibyte / 2 - 1, gibibyte / 2, size - 1]
  for (const [i, place] of places.entries()) values[place] = i + 1
  const variable = tf.variable(tf.tensor1d(values))
  const optimizer = sgd({ learningRate: 1 })
  const path = await saveCheckpoint({ optimizer, variables: [variable] }, { dir, epoch: 3 })
  t.true((await stat(path)).size > 2 * gibibyte)
  // The backend holds the array that it was given.
  values.fill(9)
  const { initialEpoch, path: read, skipped } = await resume({ optimizer, variables: [variable] }, dir)
  t.deepEqual([initialEpoch, read, skipped], [3, path, []])
  const found = variable.dataSync()
  let others = 0
  for (const value of found) if (value !== 0) others++
  t.deepEqual(
    places.map((place) => found[place]),
    places.map((_, i) => i + 1),
  )
  t.is(others, places.length)
  variable.dispose()
  optimizer.dispose()
})
