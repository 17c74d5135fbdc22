import { csvLog, progressBar, sharpness, tensorboard } from '../../../src/index.ts'
import { tf } from '../../helpers/backends.ts'
import { type Case, each, notANumber, type Theme, type World, written } from './case.ts'

const notAPath = ['', null, undefined, 1, {}, [], true]
const notACount = [0, -1, 1.5, 2 ** 53, ...notANumber]
const notOptions = [null, 1, 'run']

const bad: Record<string, readonly unknown[]> = {
  every: notACount,
  trace: [1, null, true, 'hutchinson', { probes: 1 }, { probe: 2 }],
  topEigenvalues: [1, null, true, { count: 0 }, { which: 'top' }, { vectors: true }],
  seed: [-1, 1.5, 2 ** 53, ...notANumber],
  prefix: [1, null, {}],
  signal: [1, null, {}, new AbortController()],
  onMeasure: [1, null, 'log'],
  evry: [1],
}

/** A call with data of the case's own. */
function measuring(what: string, options: object): Case {
  return {
    of: 'sharpness',
    what,
    outcome: 'ERR_INVALID_ARGUMENT',
    given(world: World) {
      const data = [world.hold(tf.ones([2, 3])), world.hold(tf.ones([2, 1]))] as const
      return () => sharpness({ data, ...options } as never)
    },
  }
}

/** Callbacks that watch a training. */
export const watching: Theme = {
  name: 'callbacks that watch',
  on: 'once',
  cases: [
    ...[undefined, ...notOptions].map((value) => measuringNothing(value)),
    ...[undefined, null, 1, {}, [], [1]].map((data) => measuring(`data: ${written(data)}`, { data })),
    ...Object.entries(bad).flatMap(([option, values]) =>
      values.map((value) => measuring(`${option}: ${written(value)}`, { [option]: value })),
    ),
    measuring('nothing to measure', { trace: false, topEigenvalues: false }),
    ...each('tensorboard', 'dir', notAPath, (dir) => tensorboard(dir)),
    ...each('tensorboard', 'options', notOptions, (options) => tensorboard('runs', options)),
    ...each('tensorboard', 'batches', notACount, (batches) => tensorboard('runs', { batches })),
    ...each('tensorboard', 'hyperparameters', [null, 1, 'adam', { layers: [1] }, { rate: null }], (hyperparameters) =>
      tensorboard('runs', { hyperparameters }),
    ),
    ...each('tensorboard', 'name of a scalar', ['', 1, null], (name) => tensorboard('runs').scalar(name, 1, 1)),
    ...each('tensorboard', 'value', ['1', null, {}], (value) => tensorboard('runs').scalar('a', value, 1)),
    ...each('tensorboard', 'step', [-1, ...notANumber], (step) => tensorboard('runs').scalar('a', 1, step)),
    ...each('tensorboard', 'histogram', [undefined, null, 1, 'a', {}], (of) =>
      tensorboard('runs').histogram('a', of, 1),
    ),
    ...each('csvLog', 'file', notAPath, (file) => csvLog(file)),
    ...each('csvLog', 'options', [...notOptions, {}, { append: true }], (options) =>
      (csvLog as (...args: unknown[]) => unknown)('log.csv', options),
    ),
    ...each('progressBar', 'options', notOptions, (options) => progressBar(options)),
    ...each('progressBar', 'screen', [null, 1, {}, 'stderr'], (screen) => progressBar({ screen })),
  ],
}

function measuringNothing(value: unknown): Case {
  const of = 'sharpness'
  const call = () => sharpness(value as never)
  return { of, what: `options: ${written(value)}`, outcome: 'ERR_INVALID_ARGUMENT', given: () => call }
}
