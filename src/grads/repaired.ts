import { engine } from '@tensorflow/tfjs-core'
import { withKernels } from './kernels/index.ts'
import { withRightGradients } from './right-gradients.ts'

/** The backend that is repaired at this moment. */
let active: string | null = null

/** Whether `f` of `repaired` runs, on the present backend. */
export const isRepaired = (): boolean => engine().backendName === active

/**
 * Runs `f` in a tfjs with saltflat's kernels on the present backend and right gradients, and puts back what was there, also
 * after a throw. Calls nest and the inner ones cost nothing: wrap a whole step.
 */
export function repaired<T>(f: () => T): T {
  const { backendName } = engine()
  if (backendName === active) return f()
  const outer = active
  active = backendName
  try {
    return withKernels(backendName, () => withRightGradients(f))
  } finally {
    active = outer
  }
}
