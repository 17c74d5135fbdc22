import { barLine, cleared, type Screen } from '../../callbacks/bar.ts'
import { type SensingMethod, sensingTitles } from '../../report/matrix-sensing.ts'
import { count, significant } from '../../report/text.ts'
import { gradientsOf, type Progress } from './run.ts'
import type { Settings } from './settings.ts'

/** Shows the progress of a run. */
export interface ProgressView {
  update(progress: Progress): void
  /** Takes the bar away, so that text can follow. */
  clear(): void
}

/** A terminal is redrawn at most this often, in ms. */
const redrawEvery = 100
/** Lines of a method where there is no terminal. */
const lines = 10

/** A bar with the time left and the latest errors on a terminal, else ten lines a method; `now` is only set by tests. */
export function progressView(screen: Screen, settings: Settings, now: () => number = Date.now): ProgressView {
  const begun = now()
  const total = gradientsOf(settings)
  const errors = new Map<SensingMethod, string>()
  let drawn = Number.NEGATIVE_INFINITY
  return {
    update({ method, step, gradients, point }) {
      if (point) errors.set(method, significant(point.validation, 2))
      if (!screen.isTTY) {
        const due = step === settings.steps || step % Math.ceil(settings.steps / lines) === 0
        if (point && due) screen.write(`${line(method, step, point, settings)}\n`)
        return
      }
      if (now() - drawn < redrawEvery) return
      drawn = now()
      const shown = [...errors].map(([name, error]) => `${sensingTitles[name]} ${error}`)
      screen.write(barLine(gradients / total, drawn - begun, `error: ${shown.join(' · ')}`, screen))
    },
    clear() {
      if (drawn > Number.NEGATIVE_INFINITY) screen.write(cleared)
      drawn = Number.NEGATIVE_INFINITY
    },
  }
}

function line(
  method: SensingMethod,
  step: number,
  { validation, distance, trainMse }: NonNullable<Progress['point']>,
  { steps }: Settings,
): string {
  const taken = `${count(step)}/${count(steps)}`.padStart(11)
  return `${sensingTitles[method].padEnd(9)} ${taken} steps  validation ${significant(validation)}  distance ${significant(distance)}  training ${significant(trainMse)}`
}
