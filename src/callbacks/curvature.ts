import { CustomCallback } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'
import type { TraceEstimate } from '../types.ts'

/**
 * A callback that puts the optimizer's free trace estimate into the logs of each epoch, and so into `history`: `trace`
 * and `traceError`. Costs no gradient. NaN before the first estimate. Throws ERR_UNSUPPORTED for estimators without pairs.
 *
 * @example
 * const optimizer = nso(adam(), { sigma: 0.01, seed: 7 })
 * model.compile({ optimizer, loss: 'categoricalCrossentropy' })
 * const { history } = await model.fit(x, y, { epochs: 3, callbacks: curvature(optimizer) })
 * console.log(history.trace?.length) // → 3
 */
export function curvature(optimizer: {
  readonly curvature: TraceEstimate | null
  readonly pairsPerStep: number
}): CustomCallback {
  if (optimizer === null || typeof optimizer !== 'object' || !('curvature' in optimizer)) {
    throw invalid('an optimizer of saltflat', optimizer, 'Write curvature(optimizer).')
  }
  if (optimizer.pairsPerStep === 0) {
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      'Expected an optimizer that evaluates ± pairs, such as nso, received one without. Use smoothedTrace after training.',
    )
  }
  return new CustomCallback({
    onEpochEnd: async (_, logs) => {
      const estimate = optimizer.curvature
      if (logs === undefined) return
      logs.trace = estimate?.trace ?? Number.NaN
      logs.traceError = estimate?.standardError ?? Number.NaN
    },
  })
}
