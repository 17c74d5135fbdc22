import * as tf from '@tensorflow/tfjs-core'
import type { Sequential } from '@tensorflow/tfjs-layers'
import type { CurvePoint, MethodName, MethodResult } from '../report/comparison.ts'
import { type Images, oneHot, type Task, take } from './data.ts'
import { optimizerOf, passesPerStep, stepsOf } from './methods.ts'
import { convNet } from './model.ts'
import { permutation, random } from './random.ts'
import { score, wrongLabelsFitted } from './score.ts'
import type { Settings } from './settings.ts'
import { measureTrace } from './trace.ts'

/** What a running method tells: gradient evaluations spent, an evaluation made, a pair of its trace measured. */
export type Progress =
  | { readonly kind: 'step'; readonly gradients: number }
  | { readonly kind: 'evaluation'; readonly point: CurvePoint }
  | { readonly kind: 'trace' }

/** How a run is watched and steered from outside. */
export interface Control {
  report(progress: Progress): void
  /** Awaited before the first and after every step: others go on that have spent fewer gradients, and Ctrl-C is seen. */
  turn(gradients: number): Promise<void>
  /** Whether to end early; asked after every step. */
  stopped(): boolean
}

/**
 * Trains the net with one method on the current tfjs backend and measures it: clean test images and noisy training
 * images at evenly spread steps, then the smoothed trace. Ended early, it evaluates once more and leaves the trace out;
 * ended before its first step, it returns null.
 */
export async function train(
  method: MethodName,
  task: Task,
  settings: Settings,
  control: Control,
): Promise<MethodResult | null> {
  await control.turn(0)
  const model = convNet(settings.seed)
  const optimizer = optimizerOf(method, settings)
  model.compile({ optimizer, loss: 'categoricalCrossentropy' })

  const steps = stepsOf(method, settings)
  const passes = passesPerStep[method]
  const due = evaluationSteps(steps, settings.evaluations)
  const curve: CurvePoint[] = []
  const times: number[] = []
  let step = 0
  let begun = 0

  const evaluate = async () => {
    const { accuracy, loss } = score(await probabilities(model, task.test), task.test.labels)
    const trainLoss = score(await probabilities(model, task.train), task.train.labels).loss
    const point = { gradients: step * passes, accuracy, testLoss: loss, trainLoss }
    curve.push(point)
    control.report({ kind: 'evaluation', point })
  }
  const callbacks = {
    onBatchBegin: async () => {
      begun = performance.now()
    },
    onBatchEnd: async () => {
      times.push(performance.now() - begun)
      step++
      control.report({ kind: 'step', gradients: step * passes })
      if (due.has(step)) await evaluate()
      await control.turn(step * passes)
      if (step === steps || control.stopped()) model.stopTraining = true
    },
  }

  try {
    await evaluate()
    for (let epoch = 0; step < steps && !control.stopped(); epoch++) {
      // The same order for every method: it depends on the seed and the epoch only, not on fit's own shuffle.
      const images = take(task.train, permutation(settings.images, random(settings.seed, 'shuffle', epoch)))
      const x = tf.tensor4d(images.pixels, [settings.images, 28, 28, 1])
      const y = tf.tensor2d(oneHot(images.labels), [settings.images, 10])
      await model.fit(x, y, { batchSize: settings.batchSize, epochs: 1, shuffle: false, verbose: 0, callbacks })
      tf.dispose([x, y])
    }
    if (step === 0) return null
    if (curve.at(-1)?.gradients !== step * passes) await evaluate()
    const last = curve.at(-1)!
    const curvature = await measureTrace(model, task.train, settings, control)
    return {
      finalAccuracy: last.accuracy,
      bestAccuracy: Math.max(...curve.map(({ accuracy }) => accuracy)),
      trainLoss: last.trainLoss,
      testLoss: last.testLoss,
      trace: curvature?.trace ?? null,
      traceError: curvature?.standardError ?? null,
      msPerStep: median(times),
      steps: step,
      passesPerStep: passes,
      wrongLabelsFitted: wrongLabelsFitted(await probabilities(model, task.train), task.train.labels, task.trueLabels),
      curve,
    }
  } finally {
    optimizer.dispose()
    model.dispose()
  }
}

/** Steps to evaluate after: evenly spread, the last one at the end. */
function evaluationSteps(steps: number, evaluations: number): Set<number> {
  return new Set(Array.from({ length: evaluations }, (_, k) => Math.round(((k + 1) * steps) / evaluations)))
}

/** The net's answers, a part of the images at a time: between the parts Ctrl-C is seen. */
async function probabilities(model: Sequential, images: Images): Promise<Float32Array> {
  const count = images.labels.length
  const answers = new Float32Array(count * 10)
  for (let from = 0; from < count; from += 500) {
    const part = Math.min(500, count - from)
    const x = tf.tensor4d(images.pixels.slice(from * 28 * 28, (from + part) * 28 * 28), [part, 28, 28, 1])
    const y = model.predict(x, { batchSize: part }) as tf.Tensor
    answers.set(y.dataSync() as Float32Array, from * 10)
    tf.dispose([x, y])
    await new Promise((resume) => setImmediate(resume))
  }
  return answers
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
