import { engine, type Tensor } from '@tensorflow/tfjs-core'

/** What is `keep`-ed meanwhile and nobody gives back when a pass fails. */
interface Held {
  readonly metrics: boolean
  readonly kept: Tensor[]
  readonly outer: Held | null
}

/** The innermost pass that runs; null outside of one. */
let running: Held | null = null
let watched = false

/** Lets passes see what tfjs keeps. Once for good, and not a pass at a time: see `SideEffects`. */
function watchEngine(): void {
  const target = engine() as unknown as { keep(one: Tensor): Tensor; clone(one: Tensor): Tensor }
  const { keep, clone } = target
  // tfjs itself keeps what it has just cloned by its own `clone`, which nothing else calls.
  let copy: Tensor | null = null
  target.clone = (one) => {
    const made = clone.call(target, one)
    if (running !== null) copy = made
    return made
  }
  target.keep = (one) => {
    for (let pass = running; pass !== null; pass = pass.outer) {
      if (one === copy || (pass.metrics && one.rank === 0)) pass.kept.push(one)
    }
    return keep.call(target, one)
  }
  watched = true
}

/**
 * Runs a pass, and where it fails gives back what it has kept: tfjs's copies for the backward pass, and with `metrics` the
 * scalars that a model keeps. What the user's loss keeps is the user's.
 */
export function givingBackKept<T>(metrics: boolean, f: () => T): T {
  if (!watched) watchEngine()
  const outer = running
  const mine: Held = { metrics, kept: [], outer }
  running = mine
  try {
    return f()
  } catch (error) {
    for (const one of mine.kept) one.dispose()
    throw error
  } finally {
    running = outer
  }
}
