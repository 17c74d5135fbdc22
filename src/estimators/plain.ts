import { type Estimator, mixes } from './estimator.ts'

/** The gradient itself: the base optimizer alone. */
export const plain: Estimator = {
  name: 'plain',
  summary: 'the base optimizer alone: ∇f(W)',
  defaults: {},
  size: null,
  check() {},
  passes: () => 1,
  sums: () => 0,
  pairs: () => 0,
  step(tools) {
    tools.gradient(0)
    tools.finish(mixes.last, 1)
  },
}
