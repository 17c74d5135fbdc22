import type { ExecutionContext } from 'ava'
import type { FlatOptimizer } from '../../src/index.ts'
import { backends, tf } from '../helpers/backends.ts'
import { distance, weightsOf } from '../helpers/training.ts'
import type { Cell } from './covering.ts'
import { type Entry, entries, type Kind, kinds } from './kinds.ts'
import { type Base, bases, type EstimatorRow, estimators, learningRate, zero } from './optimizers.ts'
import { assisted, Run } from './run.ts'

type Factors = {
  base: readonly Base[]
  estimator: readonly EstimatorRow[]
  kind: readonly Kind[]
  entry: readonly Entry[]
  backend: readonly string[]
}

/** The table's factors. */
export const factors: Factors = { base: bases, estimator: estimators, kind: kinds, entry: entries, backend: backends }
export type TrainingCell = Cell<Factors>

/** Class weights exist in some ways in only, sample weights in own loops; a stateful layer needs all of a batch. */
export function valid({ kind, entry, estimator }: TrainingCell): boolean {
  return (kind.entries?.includes(entry) ?? true) && !(kind.stateful && estimator.name.includes('split'))
}

export const title = ({ base, estimator, kind, entry }: TrainingCell): string =>
  `${estimator.name} on ${base.name}, ${kind.name}, ${entry}`

/** What stock tfjs reports a step, asked once a kind and way in. */
const reported = new Map<string, string[]>()
async function reportedNames({ kind, entry }: TrainingCell): Promise<string[]> {
  const key = `${kind.name}, ${entry}`
  if (!reported.has(key)) {
    const run = new Run(
      kind,
      assisted(tf.train.sgd(learningRate), () => []),
    )
    reported.set(key, (await run.train(entry, 1)).names)
    run.dispose()
  }
  return reported.get(key)!
}

/** All that a cell must show. */
export async function conforms(t: ExecutionContext, cell: TrainingCell): Promise<void> {
  const { base, estimator, kind, entry } = cell
  const names = await reportedNames(cell)
  const optimizer = estimator.make(base.make())
  const run = new Run(kind, optimizer)
  const loss = run.loss()
  const first = await run.train(entry, 2)
  const weights = weightsOf(run.model)
  t.is(run.passes, 2 * passesOf(optimizer, kind), 'passes')
  t.deepEqual(first.names, names)
  const { numTensors } = tf.memory()
  const second = await run.train(entry, 1)
  t.is(tf.memory().numTensors, numTensors, 'tensors are flat')
  t.is(run.passes, 3 * passesOf(optimizer, kind), 'passes')
  for (const values of [...first.values, ...second.values]) {
    t.is(values.length, names.length)
    t.true(values.every(Number.isFinite), `${values}`)
  }
  t.is(optimizer.iterations, 3)
  const reached = run.loss()
  t.true(reached < loss, `the loss falls: ${loss}, then ${reached}`)
  run.dispose()

  const again = new Run(kind, estimator.make(base.make()))
  t.deepEqual((await again.train(entry, 2)).values, first.values)
  t.deepEqual(weightsOf(again.model), weights, 'the same seed, the same bits')
  again.dispose()
  if (base.stock !== undefined) await equalsStock(t, cell)
}

interface Trained {
  readonly values: number[][]
  readonly weights: Float32Array[]
}

/** Two steps of an optimizer: a second one shows what it remembers of the first. */
async function trained({ kind, entry }: TrainingCell, optimizer: (run: () => Run) => tf.Optimizer): Promise<Trained> {
  const run: Run = new Run(
    kind,
    optimizer(() => run),
  )
  const { values } = await run.train(entry, 2)
  const weights = weightsOf(run.model)
  run.dispose()
  return { values, weights }
}

/** What a stock optimizer came to, which every estimator without noise must come to. */
const stocks = new Map<string, Trained>()

/** Without noise, an optimizer of ours is its stock twin. */
async function equalsStock(t: ExecutionContext, cell: TrainingCell): Promise<void> {
  const { base, estimator, kind, entry, backend } = cell
  const key = [base.name, kind.name, entry, backend].join()
  if (!stocks.has(key)) {
    const twin = (run: () => Run) => assisted(base.stock!(), () => (entry === 'minimize' ? [] : run().collected))
    stocks.set(key, await trained(cell, twin))
  }
  const [ours, stock] = [await trained(cell, () => estimator.still(base.make())), stocks.get(key)!]
  t.true(distance(ours.values, stock.values) < 1e-5, `reported: ${ours.values} and ${stock.values}`)
  const apart = distance(ours.weights, stock.weights)
  t.true(apart < 1e-5, `weights differ from stock by ${apart}`)
}

/** Forward passes of a step: the gradients, and a clean one where something moves and no gradient is at W. */
function passesOf(optimizer: FlatOptimizer, { moves = false }: Kind): number {
  const { estimator, options, batchNorm } = optimizer.settings
  if (options.sigma === zero) return 1
  const elsewhere = estimator === 'nso' || estimator === 'one-sided'
  return optimizer.passesPerStep + Number(moves && elsewhere && batchNorm === 'clean')
}
