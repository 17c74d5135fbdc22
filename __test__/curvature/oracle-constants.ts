import { readFileSync } from 'node:fs'

/** What other libraries found of one net. */
export interface Known {
  readonly name: string
  readonly shapes: number[][]
  readonly loss: number
  /** Relative error of torch's own float32. */
  readonly float32Error: number
  readonly hv: number[]
  /** All eigenvalues of the dense matrix, ascending. */
  readonly spectrum: number[]
  readonly trace: number
  readonly pyhessian: Estimates & { readonly density: Density }
  readonly eigenthings: Estimates
}

/** What another library found; the eigenvalues largest in magnitude. */
interface Estimates {
  readonly values: number[]
  readonly trace: number
  readonly standardError: number
}

/** Its quadratures, from starts of ±1. */
interface Density {
  readonly starts: string[]
  readonly steps: number
  readonly width: number
  readonly nodes: number[][]
  readonly weights: number[][]
}

const file = new URL('../oracle/curvature.json', import.meta.url)
/** Of each net, in order. */
export const known: readonly Known[] = (JSON.parse(readFileSync(file, 'utf8')) as { cases: Known[] }).cases
