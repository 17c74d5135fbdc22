import { SaltflatError, said } from '../errors.ts'
import { type Direction, type Tools, uphill } from '../estimators/estimator.ts'
import type { Evaluation } from '../grads/evaluate.ts'
import { replaceRandom, withRandomness } from '../grads/randomness.ts'
import { fromNative, type UpdateOptions } from '../native/index.ts'
import type { StepNoise, Weights } from '../params/weights.ts'
import type { Oracle } from './oracle.ts'

/** What one step needs. */
export interface StepInputs<G> {
  oracle: Oracle<G>
  /** Evaluates the gradient at the present values, W itself where `clean`; `index` counts the passes of this step. */
  evaluate(perturbation: number, index: number, clean: boolean): Evaluation<G>
  noise: StepNoise
  /** What chooses the randomness inside the model, with the perturbation: no two micro-batches share theirs. */
  randomness: number
  /** Size of the perturbations; 0: none. */
  size: number
  /** How the step ends; the mix is the estimator's to fill in. */
  update: UpdateOptions
}

/** Takes steps: hands the estimator its tools, and leaves everything as it was if anything goes wrong. */
export class Stepper<G> {
  readonly #weights: Weights<G>
  /** Which tensors are perturbed. */
  readonly #mask: readonly boolean[]
  readonly #tools: Tools
  readonly #reached: boolean[]
  /** σ of each tensor at the last size. */
  readonly #scales: Float32Array
  readonly #ascent: Float32Array
  #inputs: StepInputs<G> | null = null
  #last: readonly (G | null)[] = []
  #passes = 0
  #loss = 0
  /** Σ U·(g⁺ − g⁻) of each tensor in the last step. */
  #dots: ArrayLike<number> = []
  /** Whether W' is W. */
  #clean = true

  constructor(weights: Weights<G>, mask: readonly boolean[]) {
    this.#weights = weights
    this.#mask = mask
    this.#reached = mask.map(() => false)
    this.#scales = new Float32Array(mask.length)
    this.#ascent = new Float32Array(mask.length)
    this.#tools = this.#makeTools()
  }

  /** Mean loss over the passes of the last step; NaN where one of them has none. */
  get meanLoss(): number {
    return this.#loss / this.#passes
  }

  /** Takes one step. A failure restores weights and side effects, and is typed. */
  run(inputs: StepInputs<G>, drive: (tools: Tools) => void): void {
    const { oracle, noise, size } = inputs
    const first = inputs.update.first === 1
    this.#inputs = inputs
    this.#passes = 0
    this.#loss = 0
    this.#clean = true
    if (first) this.#reached.fill(false)
    try {
      this.#weights.begin(noise, this.#scaled(this.#scales, size), first)
      oracle.around(() => drive(this.#tools))
      oracle.commit()
    } catch (error) {
      // First of all: a backend short of memory may need it for the weights.
      this.#release()
      try {
        oracle.undo()
      } finally {
        this.#restore(error)
      }
      throw this.#named(fromNative(error))
    } finally {
      this.#release()
      this.#inputs = null
    }
  }

  /** U·(g⁺ − g⁻)/(2σ) of each perturbed tensor in the last step, averaged over the pairs. */
  traceSamples(pairs: number, size: number): number[] {
    const dots = this.#dots
    const samples: number[] = []
    for (let i = 0; i < dots.length; i++) if (this.#mask[i]) samples.push(dots[i]! / (2 * size * pairs))
    return samples
  }

  /** W' ← W after a failure; where even that fails, says so and keeps the cause. */
  #restore(cause: unknown): void {
    try {
      this.#weights.restore()
    } catch (second) {
      const { message, code } = fromNative(second)
      const first = said(cause)
      throw new SaltflatError(code, `The step failed (${first}), and could not be undone: ${message}`, { cause })
    }
  }

  #scaled(scales: Float32Array, size: number): Float32Array {
    for (let i = 0; i < scales.length; i++) scales[i] = this.#mask[i] ? size : 0
    return scales
  }

  #makeTools(): Tools {
    const weights = this.#weights
    return {
      gradient: (perturbation) => this.#gradient(perturbation),
      perturb: (j) => this.#away().perturb(j),
      flip: () => this.#away().flip(this.#last),
      accumulate: (next, first) => this.#away().accumulate(next, first, this.#last),
      collect: (next, factor, first) => this.#away().collect(next, factor, first, this.#last),
      norm: (direction = uphill) => Math.sqrt(this.#norm(direction)),
      products: () => {
        const [gg = 0, gp = 0, pp = 0] = this.#sums(weights.products(this.#last), 3)
        return { gg, gp, pp }
      },
      ascend: (scale, direction = uphill, keep = undefined) =>
        this.#away().ascend(this.#scaled(this.#ascent, scale), direction, keep, this.#last),
      finish: (mix, scale, half = false) => {
        const { update, size, oracle } = this.#inputs!
        update.last = mix.last
        update.pair = mix.pair
        update.sum = mix.sum
        update.scale = scale
        const paired = half && size !== 0
        update.paired = paired ? 1 : 0
        oracle.settle((run) => this.#atWeights(run, paired))
        this.#dots = weights.finish(update, this.#last)
        oracle.update?.((tensor) => (this.#reached[tensor] ? weights.vector('mean', tensor) : null))
      },
    }
  }

  /** The weights, whose W' will be elsewhere than W from now on. */
  #away(): Weights<G> {
    this.#clean = false
    return this.#weights
  }

  /** W' ← W, and a pass there, with the randomness of the first perturbation. */
  #atWeights(run: () => void, paired: boolean): void {
    if (!this.#clean) this.#weights.visit(paired)
    const { noise, randomness } = this.#inputs!
    withRandomness(noise.seed, noise.step, randomness, run)
  }

  #norm(direction: Direction): number {
    return this.#sums(this.#weights.norms(direction, this.#last), 1)[0]!
  }

  /** Sums over the perturbed tensors, `each` of them. Also the tensors that are not perturbed must be finite. */
  #sums(values: readonly number[], each: number): number[] {
    const sums = Array.from({ length: each }, () => 0)
    for (const [i, perturbed] of this.#mask.entries()) {
      if (!Number.isFinite(values[each * i])) throw this.#notFinite(i)
      if (perturbed) for (let which = 0; which < each; which++) sums[which]! += values[each * i + which]!
    }
    return sums
  }

  #gradient(perturbation: number): void {
    const { evaluate, noise, randomness } = this.#inputs!
    this.#release()
    // In two parts, as in `evaluate`: for the time that a gradient takes to come back through functions.
    const random = replaceRandom(noise.seed, noise.step, randomness + Math.max(0, perturbation))
    try {
      const { loss, gradients } = evaluate(perturbation, this.#passes, this.#clean)
      this.#loss += loss
      this.#last = gradients
    } finally {
      Math.random = random
    }
    this.#passes++
    for (let i = 0; i < this.#last.length; i++) this.#reached[i] ||= this.#last[i] !== null
  }

  /** Gives the last gradients back. One that cannot be is lost, and must not keep the weights from being restored. */
  #release(): void {
    const last = this.#last
    this.#last = []
    for (const gradient of last) {
      try {
        if (gradient !== null) this.#weights.target.release(gradient)
      } catch {}
    }
  }

  #notFinite(tensor: number, cause?: unknown): SaltflatError {
    const name = this.#weights.tensors[tensor]?.name ?? String(tensor)
    return new SaltflatError(
      'ERR_NOT_FINITE',
      `Expected finite gradients, received NaN or Infinity for '${name}' in pass ${this.#passes} of step ${this.#inputs?.noise.step}. Lower the learning rate or the noise.`,
      { cause },
    )
  }

  /** Native errors know tensors by number; users know them by name. A loss does not know when it is asked. */
  #named(error: SaltflatError): SaltflatError {
    const { code, message, cause } = error
    if (code !== 'ERR_NOT_FINITE' || message.includes(' of step ')) return error
    const tensor = /tensor (\d+)\.$/.exec(message)?.[1]
    if (tensor !== undefined) return this.#notFinite(Number(tensor), error)
    const when = `This was pass ${this.#passes + 1} of step ${this.#inputs?.noise.step}.`
    return new SaltflatError(code, `${message} ${when}`, { cause })
  }
}
