import type { Estimator } from './estimator.ts'
import { nso } from './nso.ts'
import { oneSided } from './one-sided.ts'
import { plain } from './plain.ts'
import { sam } from './sam.ts'

/** THE table: one line a gradient estimator. */
export const estimators: Readonly<Record<string, Estimator>> = Object.fromEntries(
  [plain, nso, oneSided, sam].map((estimator) => [estimator.name, estimator as unknown as Estimator]),
)
