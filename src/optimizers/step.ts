import { SaltflatError } from '../errors.ts'
import type { Tools } from '../estimators/estimator.ts'
import type { Evaluation } from '../grads/evaluate.ts'
import { withRandomness } from '../grads/randomness.ts'
import { fromNative, type Hyperparameters } from '../native/index.ts'
import type { StepNoise, Weights } from '../params/weights.ts'
import type { Oracle } from './oracle.ts'

/** What one step needs. */
export interface StepInputs<G> {
  weights: Weights<G>
  oracle: Oracle<G>
  /** Evaluates the gradient at the present values; `index` counts the passes of this step. */
  evaluate(perturbation: number, index: number): Evaluation<G>
  noise: Omit<StepNoise, 'scales'>
  /** Which tensors are perturbed. */
  mask: readonly boolean[]
  hyper: Hyperparameters
}

/** One step: hands the estimator its tools, and leaves everything as it was if anything goes wrong. */
export class Step<G> {
  readonly #inputs: StepInputs<G>
  readonly #losses: number[] = []
  readonly #reached: boolean[]
  #last: readonly (G | null)[] = []
  #size = 0

  constructor(inputs: StepInputs<G>) {
    this.#inputs = inputs
    this.#reached = inputs.weights.tensors.map(() => false)
  }

  /** Mean loss over the passes; NaN where one of them has none. */
  get meanLoss(): number {
    return this.#losses.reduce((sum, loss) => sum + loss, 0) / this.#losses.length
  }

  /** Runs `drive` with perturbations of this size. A failure restores weights and side effects, and is typed. */
  run(drive: (tools: Tools) => void, size: number): void {
    const { weights, oracle, noise } = this.#inputs
    this.#size = size
    try {
      weights.begin({ ...noise, scales: this.#scales(this.#size) })
      oracle.around(() => {
        const { prepare } = oracle
        if (prepare !== null) withRandomness({ ...noise, perturbation: 0 }, prepare)
        drive(this.#tools())
      })
      oracle.commit()
    } catch (error) {
      try {
        oracle.undo()
      } finally {
        this.#restore(error)
      }
      throw this.#named(fromNative(error))
    } finally {
      this.#release()
    }
  }

  /** W' ← W after a failure; where even that fails, says so and keeps the cause. */
  #restore(cause: unknown): void {
    try {
      this.#inputs.weights.restore()
    } catch (second) {
      const { message, code } = fromNative(second)
      const first = cause instanceof Error ? cause.message : String(cause)
      throw new SaltflatError(code, `The step failed (${first}), and its weights could not be restored: ${message}`, {
        cause,
      })
    }
  }

  /** U·(g⁺ − g⁻)/(2σ) of each perturbed tensor, averaged over the pairs; null where there was none. */
  traceSamples(pairs: number): number[] | null {
    if (pairs === 0 || this.#size === 0) return null
    const { weights, mask } = this.#inputs
    return weights
      .dots()
      .filter((_, i) => mask[i])
      .map((dot) => dot / (2 * this.#size * pairs))
  }

  #scales(size: number): Float32Array {
    return Float32Array.from(this.#inputs.mask, (perturbed) => (perturbed ? size : 0))
  }

  #tools(): Tools {
    const { weights, hyper, oracle } = this.#inputs
    return {
      gradient: (perturbation) => this.#gradient(perturbation),
      perturb: (j) => weights.perturb(j),
      flip: (j) => weights.flip(j, this.#last),
      accumulate: (j, first) => weights.accumulate(j, first, this.#last),
      collect: (next, factor, first) => weights.collect(next, factor, first, this.#last),
      norm: () => {
        const squares = weights.squaredNorms(this.#last)
        const sum = squares.reduce((total, square, i) => total + (this.#inputs.mask[i] ? square : 0), 0)
        // Also the tensors that are not perturbed must be finite.
        const bad = squares.findIndex((square) => !Number.isFinite(square))
        if (bad >= 0) throw this.#notFinite(bad)
        return Math.sqrt(sum)
      },
      ascend: (scale) => weights.ascend(this.#scales(scale), this.#last),
      finish: (parts, scale, pair = -1) => {
        weights.finish(parts, scale, this.#size === 0 ? -1 : pair, hyper, this.#last)
        oracle.update?.((tensor) => (this.#reached[tensor] ? weights.mean(tensor) : null))
      },
    }
  }

  #gradient(perturbation: number): void {
    const { noise, evaluate } = this.#inputs
    this.#release()
    const index = this.#losses.length
    const { loss, gradients } = withRandomness({ ...noise, perturbation: Math.max(0, perturbation) }, () =>
      evaluate(perturbation, index),
    )
    this.#losses.push(loss)
    this.#last = gradients
    for (const [i, gradient] of gradients.entries()) this.#reached[i] ||= gradient !== null
  }

  #release(): void {
    for (const gradient of this.#last) if (gradient !== null) this.#inputs.weights.target.release(gradient)
    this.#last = []
  }

  #notFinite(tensor: number, cause?: unknown): SaltflatError {
    const name = this.#inputs.weights.tensors[tensor]?.name ?? String(tensor)
    return new SaltflatError(
      'ERR_NOT_FINITE',
      `Expected finite gradients, received NaN or Infinity for '${name}' in pass ${this.#losses.length} of step ${this.#inputs.noise.step}. Lower the learning rate or the noise.`,
      { cause },
    )
  }

  /** Native errors know tensors by number; users know them by name. */
  #named(error: SaltflatError): SaltflatError {
    const tensor = error.code === 'ERR_NOT_FINITE' ? /tensor (\d+)\.$/.exec(error.message)?.[1] : undefined
    return tensor === undefined ? error : this.#notFinite(Number(tensor), error)
  }
}
