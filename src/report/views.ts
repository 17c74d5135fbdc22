import type { Comparison } from './comparison.ts'
import { comparisonView } from './comparison-view.ts'
import type { MatrixSensing } from './matrix-sensing.ts'
import { matrixSensingView } from './matrix-sensing-view.ts'
import type { Plottable } from './types.ts'

/** Every result that can be shown, told apart by its `kind`. */
export type Result = Comparison | MatrixSensing

/** How each kind of result is shown: a pure function from the result to text and pictures. To add a kind, add a line. */
const views: { readonly [K in Result['kind']]: (result: Extract<Result, { kind: K }>) => Plottable } = {
  comparison: comparisonView,
  'matrix-sensing': matrixSensingView,
}

/** Text and pictures of a result. */
export function viewOf(result: Result): Plottable {
  // The table's type says that the view fits the kind; a lookup by a union of kinds loses that.
  return (views[result.kind] as (one: Result) => Plottable)(result)
}
