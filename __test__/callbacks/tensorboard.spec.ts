import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { hessian, sharpness, spectralDensity, tensorboard } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

/** As TensorBoard reads them: `event-file-read.py`. */
interface Run {
  version: number
  scalars: Record<string, [step: number, value: number][]>
  histograms: Record<string, [number, number, number, number, number, number, number[], number[]][]>
  sessions: { hparams: Record<string, unknown>; status: number; group: string }[]
}

const python = process.env.SALTFLAT_PYTHON || 'python3'
let hasTensorBoard: boolean | undefined
/** Asked when it is wanted: the long tests get it first. */
function canRead(): boolean {
  if (hasTensorBoard === undefined) {
    hasTensorBoard = spawnSync(python, ['-c', 'import tensorboard.plugins.hparams.plugin_data_pb2']).status === 0
    const how = 'SALTFLAT_PYTHON names a Python that has; npm run test:long fetches it'
    if (!hasTensorBoard) console.warn(`SKIPPED: reading it back, as ${python} has no tensorboard (${how})`)
  }
  return hasTensorBoard
}

/** What TensorBoard's own reader finds in folders; null where there is no TensorBoard. */
function read(...folders: string[]): Run[] | null {
  if (!canRead()) return null
  const args = ['-B', join(import.meta.dirname, '..', 'io', 'event-file-read.py'), ...folders]
  const { stdout, stderr, status } = spawnSync(python, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return Object.values(JSON.parse(stdout))
}

function folder(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'run')
}

function network(): tf.LayersModel {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3], kernelInitializer: start(1) })] })
  model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError', metrics: ['mae'] })
  return model
}

const singles = (values: readonly number[]) => values.map(Math.fround)

onEachBackend(test, "loss, metrics and curvature are what history has, in TensorBoard's eyes", async (t) => {
  const dir = folder(t)
  const model = network()
  const [x, y] = [random([8, 3], 1), random([8, 1], 2)]
  const hyperparameters = { sigma: 0.25, base: 'sgd', nesterov: false }
  const board = tensorboard(dir, { batches: 1, hyperparameters })
  const callbacks = [sharpness({ data: [x, y], every: 2, trace: { probes: 2 } }), board]
  const { history } = await model.fit(x, y, { epochs: 3, batchSize: 4, verbose: 0, validationSplit: 0.5, callbacks })
  const density = await spectralDensity(hessian(model, x, y), { probes: 2 })
  await board.histogram('spectrum', density, 2)
  await board.histogram('values', [1, 1, 4], 2)
  await board.scalar('mine', 0.5, 7)
  const size = (one: string) =>
    readFileSync(join(one, readdirSync(one).find((name) => name.includes('tfevents'))!)).length
  t.true(size(dir) > 500 && size(`${dir}/batches`) > 100)
  model.optimizer.dispose()
  model.dispose()
  tf.dispose([x, y])
  const [run, batches] = read(dir, `${dir}/batches`) ?? []
  if (run === undefined || batches === undefined) return
  t.is(run.version, 2)
  const { mine, ...scalars } = run.scalars
  t.deepEqual(mine, [[7, 0.5]])
  t.deepEqual(
    Object.keys(scalars),
    Object.keys(history)
      .map((name) => `epoch/${name}`)
      .toSorted(),
  )
  for (const [name, values] of Object.entries(history) as [string, number[]][]) {
    const measured = [...singles(values).entries()].filter(([, value]) => !Number.isNaN(value))
    t.deepEqual(scalars[`epoch/${name}`], measured, name)
  }
  t.deepEqual(Object.keys(batches.scalars), ['batch/loss', 'batch/mae'])
  t.deepEqual(
    batches.scalars['batch/loss']!.map(([step]) => step),
    [0, 1, 2],
  )
  t.deepEqual(
    run.sessions.map(({ hparams }) => hparams),
    [hyperparameters, {}],
  )
  t.deepEqual(
    run.sessions.map(({ status }) => status),
    [0, 1],
  )
  const [[, min, max, total, sum, squares, limits, counts]] = run.histograms.spectrum as [
    Run['histograms'][string][number],
  ]
  const nodes = density.runs.flatMap((one) => one.nodes)
  t.is(min, Math.min(...nodes))
  t.is(max, Math.max(...nodes))
  const [first, second] = density.moments.map(({ mean }) => mean)
  for (const [found, expected] of [
    [total, 1],
    [sum, first!],
    [squares, second!],
  ] as const) {
    t.true(Math.abs(found - expected) < 1e-5 * Math.abs(expected), `${found} ${expected}`)
  }
  t.is(limits.length, counts.length)
  const [[, ...values]] = run.histograms.values as [Run['histograms'][string][number]]
  t.deepEqual(values.slice(0, 5), [1, 4, 3, 6, 18])
})

test.serial('a run that is resumed goes on in a new file, and what it does again is replaced', async (t) => {
  const dir = folder(t)
  const [x, y] = [random([8, 3], 1), random([8, 1], 2)]
  const histories: number[][] = []
  for (const [initialEpoch, epochs] of [
    [0, 4],
    [2, 5],
  ] as const) {
    const model = network()
    const callbacks = tensorboard(dir, { batches: 2 })
    const { history } = await model.fit(x, y, { initialEpoch, epochs, batchSize: 2, verbose: 0, callbacks })
    histories.push(history.loss as number[])
    model.optimizer.dispose()
    model.dispose()
  }
  tf.dispose([x, y])
  const files = readdirSync(dir).filter((name) => name.includes('tfevents'))
  t.is(files.length, 2)
  const [run, batches] = read(dir, `${dir}/batches`) ?? []
  if (run === undefined || batches === undefined) return
  const expected = singles([...histories[0]!.slice(0, 2), ...histories[1]!])
  t.deepEqual(run.scalars['epoch/loss'], [...expected.entries()])
  t.deepEqual(
    batches.scalars['batch/loss']!.map(([step]) => step),
    [1, 3, 5, 7, 9, 11, 13, 15, 17, 19],
  )
})

test.serial('what is bad is refused: arguments at once, values when they come', async (t) => {
  const code = 'ERR_INVALID_ARGUMENT'
  for (const dir of ['', 1, undefined]) t.throws(() => tensorboard(dir as string), { code })
  for (const options of [
    { batches: 0 },
    { batch: 1 },
    { hyperparameters: { layers: [1] } },
    { hyperparameters: 1 },
    null,
  ]) {
    t.throws(() => tensorboard('x', options as never), { code })
  }
  const dir = folder(t)
  const board = tensorboard(dir)
  t.throws(() => board.scalar('', 1, 1), { code })
  t.throws(() => board.scalar('a', '1' as never, 1), { code })
  t.throws(() => board.scalar('a', 1, -1), { code })
  t.throws(() => board.histogram('a', [], 1), { code: 'ERR_EMPTY' })
  t.throws(() => board.histogram('a', [Number.NaN], 1), { code: 'ERR_NOT_FINITE' })
  t.throws(() => board.histogram('a', {} as never, 1), { code })
})
