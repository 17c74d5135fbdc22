import { SaltflatError } from '../errors.ts'
import { invalid, knownKeys, number, whole } from '../options.ts'

/** What the published bound is made of. */
export interface PublishedTraceBoundInputs {
  /** Trace of each layer's block of the Hessian, the largest over batches: each ≥ 0. */
  traces: readonly number[]
  /** Frobenius norm of each layer's weights, or their distance from those before fine-tuning: each ≥ 0. */
  norms: readonly number[]
  /** C > 0, the largest loss of a batch. */
  ceiling: number
  /** Training examples: a whole number ≥ 1. */
  examples: number
}

/** The published number, in both forms. */
export interface PublishedTraceBound {
  /** How it was taken. */
  readonly method: 'published-trace-bound'
  /** C·√(Σ tr · Σ‖W‖²/n), as the published code computes it. */
  readonly value: number
  /** √(C · Σ tr · Σ‖W‖²/n), with C under the root, where the derivation has it. */
  readonly root: number
}

/**
 * The number that the code published with noise stability optimization calls its bound on the generalisation gap:
 * C·√(Σ tr Hₗ · Σ‖Wₗ‖²/n); and the form with C under the root.
 *
 * For comparison with published figures only: it has no confidence term, C is the largest loss that was seen, and with C
 * outside the root it is no bound that the derivation gives. `traceBound` is one. Throws ERR_INVALID_ARGUMENT, and ERR_SHAPE
 * where there are not as many norms as traces. Source: Ju, Li and Zhang, arXiv 2306.08553, and its code.
 *
 * @example
 * const inputs = { traces: [37.97, 57.64], norms: [16.31, 4.64], ceiling: 0.1379, examples: 60000 }
 * const { value, root } = publishedTraceBound(inputs)
 * console.log(value.toFixed(4), root.toFixed(3)) // → 0.0933 0.251
 */
export function publishedTraceBound(inputs: PublishedTraceBoundInputs): PublishedTraceBound {
  knownKeys('the inputs of publishedTraceBound', inputs, ['traces', 'norms', 'ceiling', 'examples'])
  const { traces, norms, ceiling, examples } = inputs
  for (const [name, list] of Object.entries({ traces, norms })) {
    if (!Array.isArray(list) || list.length === 0) throw invalid(`an array of numbers for ${name}`, list)
    for (const one of list) number(`each of ${name}`, one, { min: 0 })
  }
  if (norms.length !== traces.length) {
    throw new SaltflatError('ERR_SHAPE', `Expected ${traces.length} norms, one a trace, received ${norms.length}.`)
  }
  number('ceiling', ceiling, { min: 0, open: true })
  whole('examples', examples, 1, Number.MAX_SAFE_INTEGER)
  const sum = traces.reduce((total, one) => total + one, 0) * norms.reduce((total, one) => total + one ** 2, 0)
  const root = Math.sqrt(sum / examples)
  return { method: 'published-trace-bound', value: ceiling * root, root: Math.sqrt(ceiling) * root }
}
