import { engine, type Tensor } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import type { Tools } from '../estimators/estimator.ts'
import type { Evaluation } from '../grads/evaluate.ts'
import { withKernels } from '../grads/kernels/index.ts'
import { withRandomness } from '../grads/randomness.ts'
import { SideEffects } from '../grads/side-effects.ts'
import { fromNative, type Hyperparameters } from '../native/index.ts'
import type { StepNoise, Weights } from '../params/weights.ts'

/** What one step needs. */
export interface StepInputs {
  weights: Weights
  /** Evaluates the loss at the model's present values; `index` counts the passes of this step. */
  evaluate(perturbation: number, index: number, effects: SideEffects): Evaluation
  noise: Omit<StepNoise, 'scales'>
  /** Which variables are perturbed. */
  mask: readonly boolean[]
  hyper: Hyperparameters
  /** A base optimizer that lives elsewhere, given the mean gradient. */
  update: ((mean: (tensor: number) => Float32Array | null) => void) | null
}

/** One step: hands the estimator its tools, and leaves everything as it was if anything goes wrong. */
export class Step {
  readonly #inputs: StepInputs
  readonly #effects: SideEffects
  readonly #losses: number[] = []
  readonly #reached: boolean[]
  #last: (Tensor | null)[] = []
  #size = 0

  constructor(inputs: StepInputs) {
    this.#inputs = inputs
    this.#effects = new SideEffects(inputs.weights.variables)
    this.#reached = inputs.weights.variables.map(() => false)
  }

  /** Mean loss over the passes. */
  get meanLoss(): number {
    return this.#losses.reduce((sum, loss) => sum + loss, 0) / this.#losses.length
  }

  /** Runs `drive` with perturbations of this size. A failure restores weights and side effects, and is typed. */
  run(drive: (tools: Tools) => void, size: number): void {
    const { weights, noise } = this.#inputs
    this.#size = size
    try {
      weights.begin({ ...noise, scales: this.#scales(this.#size) })
      withKernels(engine().backendName, () => drive(this.#tools()))
      this.#effects.commit()
    } catch (error) {
      try {
        this.#effects.undo()
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

  /** A pass of another kind, such as a clean forward one. */
  extra(pass: (effects: SideEffects) => void): void {
    const { noise } = this.#inputs
    withRandomness({ ...noise, perturbation: 0 }, () => pass(this.#effects))
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
    const { weights, hyper, update } = this.#inputs
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
        update?.((tensor) => (this.#reached[tensor] ? weights.mean(tensor) : null))
      },
    }
  }

  #gradient(perturbation: number): void {
    const { noise, evaluate } = this.#inputs
    this.#release()
    const index = this.#losses.length
    const { loss, gradients } = withRandomness({ ...noise, perturbation: Math.max(0, perturbation) }, () =>
      evaluate(perturbation, index, this.#effects),
    )
    this.#losses.push(loss)
    this.#last = gradients
    for (const [i, gradient] of gradients.entries()) this.#reached[i] ||= gradient !== null
  }

  #release(): void {
    for (const gradient of this.#last) gradient?.dispose()
    this.#last = []
  }

  #notFinite(tensor: number, cause?: unknown): SaltflatError {
    const name = this.#inputs.weights.variables[tensor]?.name ?? String(tensor)
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
