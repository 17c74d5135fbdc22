import { barLine, cleared, type Screen } from '../callbacks/bar.ts'
import { type CurvePoint, type MethodName, methodNames, methodTitles } from '../report/comparison.ts'
import { count, decimal, percent } from '../report/text.ts'
import type { Settings } from './settings.ts'
import type { Progress } from './train.ts'

/** Shows the progress of all methods. */
export interface ProgressView {
  update(method: MethodName, progress: Progress): void
  /** Takes the bar away, so that text can follow. */
  clear(): void
}

/** A bar with the time left on a terminal; `now` is in milliseconds and only set by tests. */
export function progressView(screen: Screen, settings: Settings, now: () => number = Date.now): ProgressView {
  const begun = now()
  const work = new Map<MethodName, number>()
  const spent = new Map<MethodName, number>()
  const accuracies = new Map<MethodName, string>()
  let shown = false
  // Work in gradient evaluations: a forward pass is a third of one.
  const { batchSize, testImages, tracePairs, images, gradientEvaluations } = settings
  const evaluation = (testImages + images) / batchSize / 3
  const pair = (2 * Math.min(images, settings.traceImages)) / batchSize
  const total = gradientEvaluations + (settings.evaluations + 1) * evaluation + tracePairs * pair

  function bar(): string {
    const share = [...work.values()].reduce((sum, done) => sum + done, 0) / (total * methodNames.length)
    const last = [...accuracies].map(([name, accuracy]) => `${methodTitles[name]} ${accuracy}`)
    return barLine(share, now() - begun, `accuracy: ${last.join(' · ')}`, screen)
  }

  return {
    update(method, progress) {
      const add = (amount: number) => work.set(method, (work.get(method) ?? 0) + amount)
      if (progress.kind === 'trace') add(pair)
      if (progress.kind === 'step') {
        add(progress.gradients - (spent.get(method) ?? 0))
        spent.set(method, progress.gradients)
      }
      if (progress.kind === 'evaluation') {
        add(evaluation)
        accuracies.set(method, percent(progress.point.accuracy))
      }
      if (screen.isTTY) {
        screen.write(bar())
        shown = true
      } else if (progress.kind === 'evaluation') screen.write(`${evaluationLine(method, progress.point, settings)}\n`)
    },
    clear() {
      if (shown) screen.write(cleared)
      shown = false
    },
  }
}

function evaluationLine(method: MethodName, point: CurvePoint, { gradientEvaluations }: Settings): string {
  const { gradients, accuracy, trainLoss, testLoss } = point
  const spent = `${count(gradients)}/${count(gradientEvaluations)}`.padStart(11)
  return `${methodTitles[method].padEnd(4)} ${spent} gradients  test ${percent(accuracy)}  train loss ${decimal(trainLoss, 3)}  test loss ${decimal(testLoss, 3)}`
}
