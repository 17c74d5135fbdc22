// What tsc must infer of the callbacks that watch a training, and what it must refuse.
import type { Tensor } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import {
  csvLog,
  type HutchinsonTrace,
  progressBar,
  type SpectralDensity,
  sharpness,
  type TensorBoard,
  type TopEigenvalues,
  tensorboard,
} from 'saltflat'
import { exactly } from './exact.ts'

declare const model: LayersModel
declare const x: Tensor
declare const y: Tensor
declare const density: SpectralDensity

const board = tensorboard('runs/nso', { batches: 10, hyperparameters: { sigma: 0.01, base: 'adam', mixing: false } })
const watch = sharpness({
  data: [x, [y, y]],
  every: 5,
  trace: { probes: 16 },
  topEigenvalues: { count: 2, which: 'magnitude' },
  filter: 'kernel',
  onMeasure: (measured) => {
    exactly<HutchinsonTrace | null>()(measured.trace)
    exactly<TopEigenvalues | null>()(measured.topEigenvalues)
    exactly<number>()(measured.wallMs)
  },
})
model.fit(x, y, { callbacks: [watch, board, csvLog('run/log.csv'), progressBar({ screen: process.stdout })] })
exactly<TensorBoard>()(board)
exactly<Promise<void>>()(board.histogram('spectrum', density, 3))
exactly<Promise<void>>()(board.histogram('weights', Float32Array.of(1), 3))
exactly<Promise<void>>()(board.scalar('lambdaMax', 1, 3))

// @ts-expect-error on which data?
sharpness({ every: 1 })
// @ts-expect-error true says nothing more than the default
sharpness({ data: [x, y], trace: true })
// @ts-expect-error vectors have no place in logs
sharpness({ data: [x, y], topEigenvalues: { vectors: true } })
// @ts-expect-error where to?
tensorboard()
// @ts-expect-error a list is no hyperparameter
tensorboard('runs', { hyperparameters: { layers: [1, 2] } })
// @ts-expect-error at which step?
board.scalar('lambdaMax', 1)
// @ts-expect-error where to?
csvLog()
// @ts-expect-error it has no options
csvLog('run/log.csv', { append: true })
// @ts-expect-error a screen is written to
progressBar({ screen: {} })
