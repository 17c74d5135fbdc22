import { engine, type Tensor } from '@tensorflow/tfjs-core'

/**
 * Notes what is `keep`-ed meanwhile and nobody gives back when a pass fails: tfjs's copies for the backward pass, and
 * with `metrics` the scalars that a model keeps. What the user's loss keeps is the user's.
 */
export function holdKept(metrics: boolean): { dispose(): void; restore(): void } {
  const target = engine() as unknown as { keep(one: Tensor): Tensor; clone(one: Tensor): Tensor }
  const { keep, clone } = target
  const kept: Tensor[] = []
  // tfjs itself keeps what it has just cloned by its own `clone`, which nothing else calls.
  let copy: Tensor | null = null
  target.clone = (one) => {
    copy = clone.call(target, one)
    return copy
  }
  target.keep = (one) => {
    if (one === copy || (metrics && one.rank === 0)) kept.push(one)
    return keep.call(target, one)
  }
  return {
    dispose() {
      for (const one of kept) one.dispose()
    },
    restore() {
      target.keep = keep
      target.clone = clone
    },
  }
}
