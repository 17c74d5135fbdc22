import { SaltflatError, shown } from '../errors.ts'
import type { BackendName } from './backend.ts'

/** Everything a run of the main job depends on. Plain values: it travels to the workers and into the report. */
export interface Settings {
  /** Training images. */
  readonly images: number
  /** Gradient evaluations a method may spend; a method of two passes takes half as many steps. */
  readonly gradientEvaluations: number
  /** Clean test images. */
  readonly testImages: number
  /** Evenly spread evaluations, the last one at the end. */
  readonly evaluations: number
  /** Pairs of noise the smoothed trace is measured with, after training and not counted as gradients. */
  readonly tracePairs: number
  /** Training images the smoothed trace is measured on, at most. */
  readonly traceImages: number
  /** Probability that a training label is redrawn from all ten classes. */
  readonly labelNoise: number
  readonly batchSize: number
  /** Adam's first learning rate; it falls to 0 as a half cosine over a method's own steps. */
  readonly learningRate: number
  /** Standard deviation of NSO's noise, on every weight. */
  readonly sigma: number
  /** Length of SAM's step up the gradient. */
  readonly rho: number
  /** Decides images, wrong labels, initial weights, batches and training noise. */
  readonly seed: number
}

/** How long a run may take: seconds for `smoke`, minutes for the others. */
export type Size = 'smoke' | 'default' | 'full'

const common = {
  testImages: 4000,
  evaluations: 10,
  tracePairs: 20,
  traceImages: 500,
  labelNoise: 0.4,
  batchSize: 64,
  learningRate: 1e-3,
  sigma: 0.08, // there is a cliff: with much more noise this net learns less, then nothing
  rho: 0.2,
}

/** The settings of a run. The sizes are chosen so that Adam has time to learn the wrong labels. */
export function settingsFor(size: Size, backend: BackendName, seed: number): Settings {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected a seed that is a whole number ≥ 0, received ${shown(seed)}.`,
    )
  }
  if (size === 'smoke') {
    return { ...common, images: 128, gradientEvaluations: 80, testImages: 500, tracePairs: 4, seed }
  }
  if (size === 'full') return { ...common, images: 1000, gradientEvaluations: 3600, seed }
  if (backend === 'wasm') return { ...common, images: 300, gradientEvaluations: 1200, seed }
  return { ...common, images: 500, gradientEvaluations: 1800, seed }
}
