import * as tf from '@tensorflow/tfjs-core'
import { metrics, type Sequential } from '@tensorflow/tfjs-layers'
import { smoothedTrace } from '../index.ts'
import { type Images, oneHot } from './data.ts'
import type { Settings } from './settings.ts'
import type { Control } from './train.ts'

/**
 * The trace of the smoothed Hessian of the training loss at NSO's sigma, the same noise for every method, and its
 * standard error; null when ended early. Pair by pair, so that Ctrl-C need not wait for all of them.
 */
export async function measureTrace(
  model: Sequential,
  train: Images,
  settings: Settings,
  control: Control,
): Promise<{ trace: number; standardError: number } | null> {
  const { sigma, seed, tracePairs, gradientEvaluations } = settings
  const count = Math.min(settings.images, settings.traceImages)
  const x = tf.tensor4d(train.pixels.subarray(0, count * 28 * 28), [count, 28, 28, 1])
  const y = tf.tensor2d(oneHot(train.labels.subarray(0, count)), [count, 10])
  const loss = () => tf.mean(metrics.categoricalCrossentropy(y, model.apply(x) as tf.Tensor)) as tf.Scalar
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
  const samples: number[] = []
  try {
    while (samples.length < tracePairs) {
      if (control.stopped()) return null
      samples.push(smoothedTrace(loss, { sigma, pairs: 1, seed: seed + samples.length, variables }).trace)
      control.report({ kind: 'trace' })
      await control.turn(gradientEvaluations + 2 * samples.length)
    }
  } finally {
    tf.dispose([x, y])
  }
  const trace = samples.reduce((sum, sample) => sum + sample, 0) / tracePairs
  const variance = samples.reduce((sum, sample) => sum + (sample - trace) ** 2, 0) / (tracePairs - 1)
  return { trace, standardError: Math.sqrt(variance / tracePairs) }
}
