import { cpSync, existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  type CheckpointOptions,
  checkpoint,
  lastCheckpoint,
  resume,
  shuffled,
  shuffledBatches,
} from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { fingerprint, network, optimizers } from '../helpers/resume.ts'
import { random } from '../helpers/training.ts'

const make = optimizers['nso on adam']!

/** A folder of the test's own, gone at its end. */
async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'run')
}

interface Life {
  how?: 'fit' | 'fitDataset'
  epochs: number
  every?: CheckpointOptions['every']
  keep?: number
  /** Called after each batch. */
  watch?: (epoch: number, batch: number, model: tf.LayersModel) => void
  others?: (model: tf.LayersModel) => tf.CustomCallback[]
  /** What the dataset says of its size. */
  size?: number | undefined
}

/** One life of a program: goes on from what the folder has, trains to the end or until it is stopped. */
async function life(dir: string, { how = 'fit', epochs, every = 1, keep = 2, watch = () => {}, ...rest }: Life) {
  const model = network(make())
  const [x, y] = [random([6, 3], 1), random([6, 1], 2)]
  const from = await resume(model, dir)
  const { initialEpoch } = from
  let now = 0
  const watcher = new tf.CustomCallback({
    onEpochBegin: async (epoch) => {
      now = epoch
    },
    onBatchEnd: async (batch) => watch(now, batch, model),
  })
  const callbacks = [watcher, ...(rest.others?.(model) ?? []), checkpoint({ dir, from, every, keep })]
  try {
    if (how === 'fit') {
      callbacks.unshift(shuffled({ seed: 3 }) as never)
      await model.fit(x, y, { batchSize: 2, epochs, initialEpoch, verbose: 0, callbacks })
    } else {
      const data = shuffledBatches(x, y, { batchSize: 2, seed: 3, from })
      const dataset = 'size' in rest ? { iterator: () => data.iterator(), size: rest.size } : data
      await model.fitDataset(dataset as never, { epochs, initialEpoch, verbose: 0, callbacks })
    }
    return await fingerprint(model)
  } finally {
    for (const one of [model.optimizer, model, x, y]) one.dispose()
  }
}

/** A run that is not disturbed, and what a kill at the end of each batch would have left of its folder. */
async function lifeAndDeaths(dir: string, options: Life): Promise<{ end: string; left: string[] }> {
  const left: string[] = []
  const watch = (epoch: number, batch: number) => {
    const copy = `${dir}-${epoch}-${batch}`
    if (existsSync(dir)) cpSync(dir, copy, { recursive: true })
    left.push(copy)
  }
  return { end: await life(dir, { ...options, watch }), left }
}

const filesIn = async (dir: string) => (await readdir(dir)).sort()
const named = (...numbers: number[]) => numbers.map((one) => `checkpoint-00000${one}.safetensors`)
const placeIn = async (dir: string) => {
  const { initialEpoch, startBatch } = (await lastCheckpoint(dir))!
  return [initialEpoch, startBatch]
}

onEachBackend(test, 'fit: killed after any batch and started again, it ends as the run that went on', async (t) => {
  const dir = await folder(t)
  const { end, left } = await lifeAndDeaths(dir, { epochs: 3 })
  t.is(left.length, 9)
  t.is(await lastCheckpoint(left[2]!), null)
  t.deepEqual(await Promise.all([left[3]!, left[5]!, left[6]!, left[8]!, dir].map(placeIn)), [
    ...[1, 1, 2, 2, 3].map((epoch) => [epoch, 0]),
  ])
  // Once more in the end, when there is nothing left to do.
  for (const copy of [left[1]!, left[4]!, left[7]!, dir]) t.is(await life(copy, { epochs: 3 }), end)
})

onEachBackend(test, 'fitDataset, every 2 steps: goes on in mid-epoch, to the bit', async (t) => {
  const dir = await folder(t)
  const options = { how: 'fitDataset', epochs: 3, every: { steps: 2 } } as const
  const { end, left } = await lifeAndDeaths(dir, options)
  t.deepEqual(await Promise.all(left.slice(2).map(placeIn)), [
    ...[
      [0, 2],
      [1, 0],
      [1, 1],
      [1, 1],
      [2, 0],
      [2, 0],
      [2, 2],
    ],
  ])
  for (const copy of [left[2]!, left[5]!, left[8]!]) {
    const again = await lifeAndDeaths(copy, options)
    t.is(again.end, end)
    // And killed a second time.
    t.is(await life(again.left.at(-1)!, options), end)
  }
})

test.serial('how often: every so many epochs, or steps, and at the end; the newest are kept', async (t) => {
  const places: [Life, number[][], number[]][] = [
    [
      { epochs: 3 },
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ],
      [3, 2],
    ],
    [
      { epochs: 3, every: 2 },
      [
        [2, 0],
        [3, 0],
      ],
      [2, 1],
    ],
    [
      { epochs: 4, every: 2, keep: 1 },
      [
        [2, 0],
        [4, 0],
      ],
      [2],
    ],
    [
      { epochs: 2, every: { steps: 2 }, keep: 9 },
      [
        [0, 2],
        [1, 0],
        [1, 1],
        [2, 0],
      ],
      [4, 3, 2, 1],
    ],
    // The sixth step is the end of an epoch, and saved once.
    [
      { epochs: 2, every: { steps: 3 } },
      [
        [1, 0],
        [2, 0],
      ],
      [2, 1],
    ],
    [
      { how: 'fitDataset', epochs: 1, every: { steps: 2 } },
      [
        [0, 2],
        [1, 0],
      ],
      [2, 1],
    ],
    [
      { how: 'fitDataset', size: undefined, epochs: 2 },
      [
        [1, 0],
        [2, 0],
      ],
      [2, 1],
    ],
  ]
  for (const [options, expected, kept] of places) {
    const dir = await folder(t)
    const seen: string[] = []
    const look = async () => {
      const last = await lastCheckpoint(dir)
      const text = JSON.stringify(last && [last.initialEpoch, last.startBatch])
      if (last !== null && seen.at(-1) !== text) seen.push(text)
    }
    // Before ours: it sees each file at the next batch.
    const others = () => [new tf.CustomCallback({ onBatchBegin: look, onEpochBegin: look, onBatchEnd: look })]
    await life(dir, { ...options, others })
    await look()
    t.deepEqual(
      seen,
      expected.map((place) => JSON.stringify(place)),
      JSON.stringify(options),
    )
    t.deepEqual(await filesIn(dir), named(...kept.toReversed()))
  }
})

test.serial('an epoch that is broken off is not saved, and done again', async (t) => {
  for (const how of ['fit', 'fitDataset'] as const) {
    const [whole, dir] = [await folder(t), await folder(t)]
    const expected = await life(whole, { how, epochs: 3 })
    const stop = (epoch: number, batch: number, model: tf.LayersModel) => {
      if (epoch === 1 && batch === 1) model.stopTraining = true
    }
    await life(dir, { how, epochs: 3, watch: stop })
    t.deepEqual(await placeIn(dir), [1, 0])
    t.is(await life(dir, { how, epochs: 3 }), expected)
  }
  // With steps, nothing is lost.
  const [whole, dir] = [await folder(t), await folder(t)]
  const options = { how: 'fitDataset', epochs: 3, every: { steps: 100 } } as const
  const expected = await life(whole, options)
  const stop = (epoch: number, batch: number, model: tf.LayersModel) => {
    if (epoch === 1 && batch === 0) model.stopTraining = true
  }
  await life(dir, { ...options, watch: stop })
  t.deepEqual(await placeIn(dir), [1, 1])
  t.is(await life(dir, options), expected)
})

test.serial('a place in mid-epoch: fit refuses it, with nothing changed, and fitDataset goes on from it', async (t) => {
  const [whole, dir] = [await folder(t), await folder(t)]
  const every = { steps: 2 }
  const expected = await life(whole, { how: 'fitDataset', epochs: 2 })
  const stop = (epoch: number, batch: number, model: tf.LayersModel) => {
    if (epoch === 0 && batch === 1) model.stopTraining = true
  }
  await life(dir, { epochs: 2, every, watch: stop })
  t.deepEqual(await placeIn(dir), [0, 2])
  let batches = 0
  const refusal = {
    code: 'ERR_UNSUPPORTED',
    message: /^Expected .+ for fit, received batch 2 of epoch 0\. .+ fitDataset/,
  }
  await t.throwsAsync(life(dir, { epochs: 2, every, watch: () => batches++ }), refusal)
  t.is(batches, 0)
  t.deepEqual(await placeIn(dir), [0, 2])
  t.is(await life(dir, { how: 'fitDataset', epochs: 2, every }), expected)
})

test.serial('a run that stops early at the end of an epoch has saved that epoch', async (t) => {
  for (const how of ['fit', 'fitDataset'] as const) {
    const dir = await folder(t)
    const others = (model: tf.LayersModel) => [
      new tf.CustomCallback({
        onEpochEnd: async (epoch) => {
          if (epoch === 1) model.stopTraining = true
        },
      }),
    ]
    await life(dir, { how, epochs: 9, every: 5, others })
    t.deepEqual(await placeIn(dir), [2, 0])
  }
})

test.serial('a damaged file is passed over and named; where none is whole, nothing begins anew unasked', async (t) => {
  const dir = await folder(t)
  await life(dir, { epochs: 2 })
  const [older, newest] = (await filesIn(dir)).map((name) => join(dir, name)) as [string, string]
  const bytes = await readFile(newest)
  for (const bad of [bytes.subarray(0, -1), bytes.subarray(0, 0), Buffer.alloc(bytes.length)]) {
    await writeFile(newest, bad)
    const found = (await lastCheckpoint(dir))!
    t.deepEqual([found.initialEpoch, found.path], [1, older])
    t.deepEqual(
      found.skipped.map(({ path }) => path),
      [newest],
    )
    t.regex(found.skipped[0]!.reason, /^Expected .+, received .+\.$/)
  }
  await writeFile(older, bytes.subarray(1))
  const refusal = { code: 'ERR_STATE', message: /whole checkpoint in .+ Remove them to begin anew\.$/ }
  await t.throwsAsync(lastCheckpoint(dir), refusal)
  await t.throwsAsync(life(dir, { epochs: 2 }), refusal)
})

test.serial('the next file after a damaged one is newer, and what a kill left is cleaned up', async (t) => {
  const dir = await folder(t)
  await life(dir, { epochs: 2 })
  await writeFile(join(dir, named(2)[0]!), 'damaged')
  await writeFile(join(dir, 'checkpoint-7-aa.tmp'), 'half a file')
  await utimes(join(dir, 'checkpoint-7-aa.tmp'), 0, 0)
  await writeFile(join(dir, 'notes.txt'), 'mine')
  t.deepEqual(await placeIn(dir), [1, 0])
  await life(dir, { epochs: 3 })
  t.deepEqual(await placeIn(dir), [3, 0])
  t.deepEqual(await filesIn(dir), [...named(3, 4), 'notes.txt'])
})

test.serial('a folder that cannot be written ends the training, and older checkpoints stay', async (t) => {
  const dir = await folder(t)
  await writeFile(dir, 'a file')
  await t.throwsAsync(life(dir, { epochs: 1 }), { code: 'ENOTDIR' })
  await rm(dir)
  await life(dir, { epochs: 1 })
  if (process.getuid?.() === 0 || process.platform === 'win32') return // Who may write everywhere.
  await chmod(dir, 0o500)
  await t.throwsAsync(life(dir, { epochs: 2 }), { code: 'EACCES' })
  await chmod(dir, 0o700)
  t.deepEqual(await placeIn(dir), [1, 0])
})

test('bad options are typed errors', (t) => {
  const bad: unknown[] = [
    ...[undefined, null, {}, { dir: '' }, { dir: 7 }, { dir: 'x', every: 0 }, { dir: 'x', every: 1.5 }],
    ...[
      { dir: 'x', every: null },
      { dir: 'x', every: 'epoch' },
      { dir: 'x', every: {} },
      { dir: 'x', every: { steps: 0 } },
    ],
    ...[
      { dir: 'x', every: { steps: 1, epochs: 1 } },
      { dir: 'x', keep: 0 },
      { dir: 'x', keep: Number.NaN },
    ],
    ...[
      { dir: 'x', from: { initialEpoch: 0, startBatch: -1 } },
      { dir: 'x', each: 1 },
    ],
  ]
  for (const options of bad) t.throws(() => checkpoint(options as CheckpointOptions), { code: 'ERR_INVALID_ARGUMENT' })
})
