/** The methods of matrix sensing, in the order they are shown. */
export const sensingMethods = ['gd', 'oneSided', 'nso'] as const
/** One of them. */
export type SensingMethod = (typeof sensingMethods)[number]
/** Methods as a reader knows them. */
export const sensingTitles: Readonly<Record<SensingMethod, string>> = {
  gd: 'GD',
  oneSided: 'one-sided',
  nso: 'NSO',
}

/** How good a U is. */
export interface Measures {
  /** Mean r² over mean y² on measurements that were not trained on. */
  readonly validation: number
  /** ‖UUᵀ − X‖_F / ‖X‖_F */
  readonly distance: number
  /** Mean r² over mean y² on the training measurements. */
  readonly trainMse: number
  /** ‖U‖² / ‖X‖∗, the nuclear norm of UUᵀ against that of X. */
  readonly size: number
}

/** A method after so many steps. */
export interface SensingPoint extends Measures {
  readonly step: number
}

/** What became of one method. */
export interface SensingResult extends Measures {
  /** Steps taken. */
  readonly steps: number
  /** Gradients in a step. */
  readonly passesPerStep: number
  /** Mean duration of a step in milliseconds, all its passes included. */
  readonly msPerStep: number
  /** Evenly spread, the first before the first step. */
  readonly curve: readonly SensingPoint[]
}

/** A matrix of low rank found from linear measurements by three methods, from the same start. */
export interface MatrixSensing extends Readonly<Partial<Record<SensingMethod, SensingResult>>> {
  readonly kind: 'matrix-sensing'
  /** Whether every method took all its steps. */
  readonly complete: boolean
  /** A smoke run shows that everything works, not what the methods do. */
  readonly smoke: boolean
  readonly version: string
  readonly machine: { readonly processor: string; readonly cores: number; readonly node: string; readonly tfjs: string }
  readonly backend: string
  readonly dimension: number
  readonly rank: number
  readonly measurements: number
  readonly seed: number
  /** Steps each method was to take. */
  readonly steps: number
  readonly sigma: number
  readonly learningRate: number
  /** Wall-clock time of the whole run. */
  readonly seconds: number
  /** The command that gives this result again. */
  readonly command: string
}
