import type { KernelFunc } from '@tensorflow/tfjs-core'
import type { Replacement } from './table.ts'
import { agrees } from './trials.ts'

/** The tfjs whose kernels were measured: on a later one a right kernel serves, however slow. */
const MEASURED = [4, 22] as const

/** Is this version of tfjs later than the one whose kernels were measured? */
export function isLater(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > MEASURED[0] || (major === MEASURED[0] && minor > MEASURED[1])
}

/**
 * Which of two kernels serves: ours where the one registered is missing, wrong, or, in the tfjs that was measured, slow, and there
 * also in place of one of the user's; otherwise a right one, of a later tfjs or of the user's, is left alone. Never decided by a
 * stopwatch: a run that is resumed must choose what it chose before.
 */
export class Choice {
  readonly #replacement: Replacement
  /** What stock kernels have shown themselves to be: each is tried once. */
  readonly #right = new WeakMap<KernelFunc, boolean>()

  constructor(replacement: Replacement) {
    this.#replacement = replacement
  }

  /** `untried` where only a trial can tell. */
  between(stock: KernelFunc | undefined, later: boolean): 'ours' | 'stock' | 'untried' {
    if (!stock || (this.#replacement.reason === 'slow' && !later)) return 'ours'
    const right = this.#right.get(stock)
    return right === undefined ? 'untried' : right ? 'stock' : 'ours'
  }

  /** Tries a stock kernel on a backend that has started, and gives back the kernel that serves: a fraction of a millisecond. */
  decide(stock: KernelFunc, backend: object): KernelFunc {
    const right = this.#right.get(stock) ?? agrees(stock, this.#replacement, backend)
    this.#right.set(stock, right)
    return right ? stock : this.#replacement.kernelFunc
  }
}
