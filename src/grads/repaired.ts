import { engine } from '@tensorflow/tfjs-core'
import { withKernels } from './kernels/index.ts'
import { withRightGradients } from './right-gradients.ts'

/** Runs `f` in a tfjs with saltflat's kernels on the active backend and right gradients. Calls nest: wrap a whole step. */
export function repaired<T>(f: () => T): T {
  return withKernels(engine().backendName, () => withRightGradients(f))
}
