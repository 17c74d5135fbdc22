import { engine, type Tensor } from '@tensorflow/tfjs-core'

/** What is `keep`-ed meanwhile and nobody gives back when a pass fails. */
export interface Held {
  readonly metrics: boolean
  readonly kept: Tensor[]
  readonly outer: Held | null
}

/** The innermost pass that runs; null outside of one. */
let running: Held | null = null

interface Watched {
  keep(one: Tensor): Tensor
  clone(one: Tensor): Tensor
}

/** Ours, as long as nobody puts back another. */
let watching: Watched['keep'] | null = null

/** Lets passes see what tfjs keeps. Once for good, and not a pass at a time: see `SideEffects`. */
function watch(target: Watched): void {
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
  watching = target.keep
}

/**
 * Runs a pass, and where it fails gives back what it has kept: tfjs's copies for the backward pass, and with `metrics` the
 * scalars that a model keeps. What the user's loss keeps is the user's.
 */
export function givingBackKept<T>(metrics: boolean, f: () => T): T {
  const held = hold(metrics)
  let whole = false
  try {
    const result = f()
    whole = true
    return result
  } finally {
    letGo(held, whole)
  }
}

/** The same in two parts: what is kept from here on … */
export function hold(metrics: boolean): Held {
  const target = engine() as unknown as Watched
  if (target.keep !== watching) watch(target)
  running = { metrics, kept: [], outer: running }
  return running
}

/** … is given back here, unless the pass was `whole`. */
export function letGo({ kept, outer }: Held, whole: boolean): void {
  running = outer
  if (!whole) for (const one of kept) one.dispose()
}
