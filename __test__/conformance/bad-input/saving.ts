import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  checkpoint,
  type FlatOptimizer,
  lastCheckpoint,
  nso,
  resume,
  ShuffledBatches,
  saveCheckpoint,
  sgd,
  shuffled,
  shuffledBatches,
} from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { assert, type Case, each, notANumber, type Outcome, type Theme, type World, written } from './case.ts'

const notAPath = ['', null, undefined, 1, {}, [], true]
const notACount = [0, -1, 1.5, 2 ** 53, ...notANumber]
const notAPlace = [-1, 1.5, 2 ** 53, ...notANumber]
const wrongPlaces = [
  ...[null, 3, 'run', {}, { initialEpoch: 1 }, { startBatch: 1 }, { initialEpoch: 2 ** 32, startBatch: 0 }],
  ...notAPlace.flatMap((one) => [
    { initialEpoch: one, startBatch: 0 },
    { initialEpoch: 0, startBatch: one },
  ]),
]
const notOptions = [null, undefined, 1, 'run']
const notATrainee = [undefined, null, 1, {}, 'model', [], { optimizer: 1, variables: [] }, { variables: [] }]

/** A folder of the case's own. */
function folder(world: World): string {
  const made = mkdtempSync(join(tmpdir(), 'saltflat-bad-input-'))
  world.hold({ dispose: () => rmSync(made, { recursive: true }) })
  return made
}

const trainee = (world: World): { optimizer: FlatOptimizer; variables: tf.Variable[] } => ({
  optimizer: world.hold(nso(sgd({ learningRate: 0.01 }), { sigma: 0.1, seed: 4 })),
  variables: world.variables,
})

/** A case on a trainee and a folder. */
function saving(
  of: string,
  what: string,
  outcome: Outcome,
  call: (world: World, one: ReturnType<typeof trainee>, dir: string) => unknown,
  prepared: (world: World) => readonly unknown[] = ({ variables }) => variables,
): Case {
  return {
    of,
    what,
    outcome,
    async given(world) {
      const [one, dir] = [{ ...trainee(world), variables: prepared(world) as tf.Variable[] }, folder(world)]
      // It keeps what it gave until it is asked again.
      await one.optimizer.getWeights()
      return () => call(world, one, dir)
    },
  }
}

/** What stands for the variables of a trainee and is none. */
const notVariables: [string, Outcome, (world: World) => readonly unknown[]][] = [
  ['a tensor', 'ERR_INVALID_ARGUMENT', (world) => [world.a, world.hold(tf.ones([2]))]],
  ['a number', 'ERR_INVALID_ARGUMENT', ({ a }) => [a, 1]],
  ['null', 'ERR_INVALID_ARGUMENT', ({ a }) => [a, null]],
  ['the same one twice', 'ERR_INVALID_ARGUMENT', ({ a }) => [a, a]],
  ['one disposed', 'ERR_DISPOSED', ({ a }) => [a, disposedVariable()]],
]

function disposedVariable(): tf.Variable {
  const one = tf.tidy(() => tf.variable(tf.scalar(1)))
  one.dispose()
  return one
}

/** A compiled model whose weights are gone. */
function disposedModel(world: World): tf.LayersModel {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
  model.compile({ optimizer: world.hold(sgd()), loss: 'meanSquaredError' })
  model.dispose()
  return model
}

/** What `shuffledBatches` may be given besides its options. */
const examples: [string, Outcome, () => [unknown, unknown]][] = [
  ['no x', 'ERR_INVALID_ARGUMENT', () => [undefined, tf.ones([2])]],
  ['null', 'ERR_INVALID_ARGUMENT', () => [null, tf.ones([2])]],
  ['a number', 'ERR_INVALID_ARGUMENT', () => [1, tf.ones([2])]],
  ['numbers', 'ERR_INVALID_ARGUMENT', () => [[1, 2], tf.ones([2])]],
  ['no tensors', 'ERR_INVALID_ARGUMENT', () => [[], tf.ones([2])]],
  ['a text by name', 'ERR_INVALID_ARGUMENT', () => [{ x: 'x' }, tf.ones([2])]],
  ['a scalar', 'ERR_SHAPE', () => [tf.scalar(1), tf.ones([2])]],
  ['as many x as y', 'works', () => [tf.ones([4, 3]), tf.ones([4])]],
  ['other numbers of examples', 'ERR_SHAPE', () => [tf.ones([3]), tf.ones([2])]],
  ['no examples', 'ERR_EMPTY', () => [tf.zeros([0, 2]), tf.zeros([0])]],
  ['one disposed', 'ERR_DISPOSED', () => [gone(), tf.ones([2])]],
]

function gone(): tf.Tensor {
  const one = tf.ones([2])
  one.dispose()
  return one
}

const batchesOf = (world: World) => {
  const [x, y] = [world.hold(tf.ones([5, 2])), world.hold(tf.ones([5]))]
  return shuffledBatches(x, y, { batchSize: 2, seed: 1 })
}

/** Checkpoints, what goes on from them, and orders that can be repeated. */
export const savings: Theme = {
  name: 'checkpoints and shuffles',
  on: 'once',
  cases: [
    ...each('checkpoint', 'dir', notAPath, (dir) => checkpoint({ dir })),
    ...each('checkpoint', 'every', [...notACount, { steps: 0 }, { steps: null }, { batches: 1 }], (every) =>
      checkpoint({ dir: 'run', every }),
    ),
    ...each('checkpoint', 'keep', notACount, (keep) => checkpoint({ dir: 'run', keep })),
    ...each('checkpoint', 'from', wrongPlaces, (from) => checkpoint({ dir: 'run', from })),
    ...each('checkpoint', 'options', [...notOptions, { dir: 'run', kept: 2 }], checkpoint),
    ...each('shuffled', 'seed', notAPlace, (seed) => shuffled({ seed })),
    ...each('shuffled', 'options', [...notOptions, {}, { seed: 1, sed: 2 }], shuffled),
    ...each('resume', 'trainee', notATrainee, (one) => resume(one, 'run')),
    ...each('saveCheckpoint', 'trainee', notATrainee, (one) => saveCheckpoint(one, { dir: 'run', epoch: 0 })),
    ...each('lastCheckpoint', 'dir', notAPath, lastCheckpoint),
    ...notAPath.map((dir) =>
      saving('resume', `dir: ${written(dir)}`, 'ERR_INVALID_ARGUMENT', (_, one) => resume(one, dir as never)),
    ),
    ...[...notOptions, {}, { dir: 'run' }, { dir: 1, epoch: 0 }, { dir: 'run', epoch: 0, step: 1 }].map((options, i) =>
      saving('saveCheckpoint', `options, ${i}`, 'ERR_INVALID_ARGUMENT', (_, one) =>
        saveCheckpoint(one, options as never),
      ),
    ),
    ...['epoch', 'batch', 'keep'].flatMap((option) =>
      (option === 'keep' ? notACount : notAPlace).map((value) =>
        saving('saveCheckpoint', `${option}: ${written(value)}`, 'ERR_INVALID_ARGUMENT', (_, one, dir) =>
          saveCheckpoint(one, { dir, epoch: 0, [option]: value } as never),
        ),
      ),
    ),
    ...notVariables.flatMap(([what, outcome, given]) => [
      saving(
        'saveCheckpoint',
        `variables: ${what}`,
        outcome,
        (_, one, dir) => saveCheckpoint(one, { dir, epoch: 0 }),
        given,
      ),
      saving('resume', `variables: ${what}`, outcome, (_, one, dir) => resume(one, dir), given),
    ]),
    saving('saveCheckpoint', 'a model that was disposed', 'ERR_DISPOSED', (world, _, dir) =>
      saveCheckpoint(disposedModel(world), { dir, epoch: 0 }),
    ),
    saving('resume', 'a model that was disposed', 'ERR_DISPOSED', (world, _, dir) => resume(disposedModel(world), dir)),
    saving('resume', 'a folder that is not there yet', 'works', async (_, one, dir) => {
      const { initialEpoch, path } = await resume(one, join(dir, 'later'))
      assert(initialEpoch === 0 && path === null, 'it begins at the beginning')
    }),
    saving('lastCheckpoint', 'an empty folder', 'works', async (_, _one, dir) =>
      assert((await lastCheckpoint(dir)) === null, 'there is none'),
    ),
    saving('lastCheckpoint', 'nothing but a damaged file', 'ERR_STATE', async (_, one, dir) => {
      writeFileSync(await saveCheckpoint(one, { dir, epoch: 1 }), 'no checkpoint')
      await lastCheckpoint(dir)
    }),
    saving('resume', 'a checkpoint of another model', 'ERR_STATE', async (world, one, dir) => {
      await saveCheckpoint(one, { dir, epoch: 1 })
      await resume({ ...one, variables: [world.a] }, dir)
    }),
    saving('resume', 'a checkpoint of another optimizer', 'ERR_STATE', async (world, one, dir) => {
      await saveCheckpoint(one, { dir, epoch: 1 })
      await resume({ ...one, optimizer: world.hold(sgd()) }, dir)
    }),
    ...examples.map(
      ([what, outcome, given]): Case => ({
        of: 'shuffledBatches',
        what,
        outcome,
        given(world) {
          const both = given()
          for (const one of both) if (one instanceof tf.Tensor && !one.isDisposed) world.hold(one)
          return () => shuffledBatches(both[0] as never, both[1] as never, { seed: 1 })
        },
      }),
    ),
    ...Object.entries({
      batchSize: [0, 2 ** 31, 1.5, ...notANumber],
      seed: notAPlace,
      from: [{ initialEpoch: 0, startBatch: 3 }, ...wrongPlaces],
      smallLastBatch: [1, 'yes', null],
      batches: [1],
    }).flatMap(([option, values]) =>
      values.map(
        (value): Case => ({
          of: 'shuffledBatches',
          what: `${option}: ${written(value)}`,
          outcome: 'ERR_INVALID_ARGUMENT',
          given(world) {
            const [x, y] = [world.hold(tf.ones([5, 2])), world.hold(tf.ones([5]))]
            return () => shuffledBatches(x, y, { batchSize: 2, seed: 1, [option]: value } as never)
          },
        }),
      ),
    ),
    ...[-1, 1.5, 2 ** 32, Number.NaN, '0', null].map(
      (epoch): Case => ({
        of: 'ShuffledBatches',
        what: `epoch: ${written(epoch)}`,
        outcome: 'ERR_INVALID_ARGUMENT',
        given(world) {
          const batches = batchesOf(world)
          assert(batches instanceof ShuffledBatches, 'it is made by shuffledBatches')
          return () => batches.epoch(epoch as never).next()
        },
      }),
    ),
    {
      of: 'ShuffledBatches',
      what: 'tensors disposed of in mid-epoch',
      outcome: 'ERR_DISPOSED',
      lost: 2,
      given() {
        const [x, y] = [tf.ones([5, 2]), tf.ones([5])]
        const epoch = shuffledBatches(x, y, { batchSize: 2, seed: 1 }).epoch(0)
        return () => {
          epoch.next()
          tf.dispose([x, y])
          epoch.next()
        }
      },
    },
  ],
}
