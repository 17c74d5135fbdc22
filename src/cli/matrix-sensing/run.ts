import { type FlatOptimizer, MinimizeError, minimize, nso, oneSided, sgd } from '../../index.ts'
import {
  type SensingMethod,
  type SensingPoint,
  type SensingResult,
  sensingMethods,
} from '../../report/matrix-sensing.ts'
import type { Sensing } from './sensing.ts'
import type { Settings } from './settings.ts'

/** Told after every step, and after every point of a curve. */
export interface Progress {
  readonly method: SensingMethod
  /** Steps this method has taken. */
  readonly step: number
  /** Gradients that all methods have taken. */
  readonly gradients: number
  /** The latest point of the method's curve, where one was just made. */
  readonly point?: SensingPoint
}

/** What `run` is controlled by. */
export interface Control {
  readonly signal: AbortSignal
  report(progress: Progress): void
}

/** Gradients of a whole run. */
export function gradientsOf({ steps, ...settings }: Settings): number {
  return sensingMethods.reduce(
    (sum, method) => sum + steps * optimizerOf(method, { steps, ...settings }).passesPerStep,
    0,
  )
}

/**
 * Runs all methods from the same start, in turns of one point of the curve each, so that an early end leaves every one
 * about as far. Returns those that took a step.
 */
export async function run(
  sensing: Sensing,
  start: Float32Array,
  settings: Settings,
  control: Control,
): Promise<Partial<Record<SensingMethod, SensingResult>>> {
  const lanes = sensingMethods.map((method) => new Lane(method, sensing, start, settings))
  const total = () => lanes.reduce((sum, { gradients }) => sum + gradients, 0)
  try {
    for (let point = 1; point <= settings.points && !control.signal.aborted; point++) {
      for (const lane of lanes) {
        await lane.to(Math.round((point * settings.steps) / settings.points), {
          signal: control.signal,
          report: (progress) => control.report({ ...progress, gradients: total() }),
        })
      }
    }
    return Object.fromEntries(lanes.filter(({ steps }) => steps > 0).map((lane) => [lane.method, lane.result()]))
  } finally {
    for (const lane of lanes) lane.dispose()
  }
}

/** One method on its way. */
class Lane {
  readonly method: SensingMethod
  steps = 0
  gradients = 0
  readonly #sensing: Sensing
  readonly #optimizer: FlatOptimizer
  readonly #curve: SensingPoint[]
  #u: Float32Array
  #milliseconds = 0

  constructor(method: SensingMethod, sensing: Sensing, start: Float32Array, settings: Settings) {
    this.method = method
    this.#sensing = sensing
    this.#optimizer = optimizerOf(method, settings)
    this.#u = start
    this.#curve = [this.#point()]
  }

  /** Goes on to step `end`, or as far as the signal lets it. */
  async to(end: number, { signal, report }: Control): Promise<void> {
    const { steps: before, gradients, method } = this
    const onStep = ({ step }: { step: number }) => {
      this.steps = before + step
      this.gradients = gradients + step * this.#optimizer.passesPerStep
      report({ method, step: this.steps, gradients: 0 })
    }
    const begun = performance.now()
    try {
      const options = { steps: end - before, signal, onStep }
      this.#u = (await minimize(this.#sensing.gradient, this.#u, this.#optimizer, options)).x
    } catch (error) {
      if (!(error instanceof MinimizeError && error.code === 'ERR_ABORTED')) throw error
      this.#u = error.partial.x
    }
    if (this.steps === before) return
    this.#milliseconds += performance.now() - begun
    const point = this.#point()
    this.#curve.push(point)
    report({ method, step: this.steps, gradients: 0, point })
  }

  result(): SensingResult {
    const { step, ...measures } = this.#curve.at(-1)!
    return {
      ...measures,
      steps: step,
      passesPerStep: this.#optimizer.passesPerStep,
      msPerStep: this.#milliseconds / step,
      curve: this.#curve,
    }
  }

  dispose(): void {
    this.#optimizer.dispose()
  }

  #point(): SensingPoint {
    return { step: this.steps, ...this.#sensing.measures(this.#u) }
  }
}

function optimizerOf(method: SensingMethod, { learningRate, sigma, seed }: Settings): FlatOptimizer {
  const base = sgd({ learningRate })
  if (method === 'gd') return base
  return method === 'nso' ? nso(base, { sigma, seed }) : oneSided(base, { sigma, seed })
}
