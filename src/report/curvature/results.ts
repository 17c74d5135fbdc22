import type { Diagonal } from '../../curvature/diagonal.ts'
import type { SpectralDensity } from '../../curvature/spectral-density.ts'
import type { TopEigenvalues } from '../../curvature/top-eigenvalues.ts'
import type { HutchinsonTrace } from '../../curvature/trace.ts'

/** What a picture of `noiseStability` needs of its result. */
export interface StabilityCurve {
  /** How it was taken. */
  readonly method: 'noise-stability'
  /** Loss without noise. */
  readonly loss: number
  /** Rise of the loss at each size of noise, and σ²/2 · tr H beside it. */
  readonly points: readonly {
    /** Size of the noise. */
    readonly sigma: number
    /** E f(W + σU) − f(W). */
    readonly mean: number
    /** Standard error of `mean`. */
    readonly standardError: number
    /** Draws, or pairs of them. */
    readonly samples: number
    /** σ²/2 · tr H; null where there is none. */
    readonly quadratic: number | null
    /** Standard error of `quadratic`. */
    readonly quadraticError: number | null
  }[]
}

/** What a picture of `lossSlice` needs of its result. */
export interface SliceOfLoss {
  /** How it was taken. */
  readonly method: 'loss-slice'
  /** One direction or two: where the loss was taken along it, ascending. */
  readonly axes: readonly {
    /** What the direction is. */
    readonly name: string
    /** Steps along it. */
    readonly at: readonly number[]
  }[]
  /** The loss there, the first axis slowest. */
  readonly loss: readonly number[]
  /** What a quadratic of the same value, slope and curvature at 0 would be there. */
  readonly quadratic?: readonly number[] | null
}

/** What can be measured of curvature, told apart by `method`. */
export type CurvatureResult =
  | SpectralDensity
  | HutchinsonTrace
  | Diagonal
  | TopEigenvalues
  | StabilityCurve
  | SliceOfLoss

/** A result and what it is called beside others; the name of a single one is empty. */
export interface Named<T> {
  readonly name: string
  readonly result: T
}
