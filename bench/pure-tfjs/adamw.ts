import * as tf from '@tensorflow/tfjs'

/** Options of the twin. */
export interface AdamWOptions {
  learningRate?: number
  beta1?: number
  beta2?: number
  epsilon?: number
  /** Decoupled; 0 makes it Adam. */
  weightDecay?: number
}

/** AdamW with tfjs operations only. tfjs has Adam and no decoupled decay, so projects write this by hand. */
export class AdamW extends tf.Optimizer {
  static readonly className = 'PureAdamW'
  learningRate: number
  readonly #options: Required<AdamWOptions>
  readonly #moments = new Map<string, { m: tf.Variable; v: tf.Variable }>()

  constructor(options: AdamWOptions = {}) {
    super()
    this.#options = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, ...options }
    this.learningRate = this.#options.learningRate
  }

  override applyGradients(gradients: tf.NamedTensorMap | { name: string; tensor: tf.Tensor }[]): void {
    const named = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }))
    const { beta1, beta2, epsilon, weightDecay } = this.#options
    this.incrementIterations()
    // Both bias corrections are numbers, so they cost no operation on tensors.
    const rate = this.learningRate / (1 - beta1 ** this.iterations)
    const correction = Math.sqrt(1 - beta2 ** this.iterations)
    const keep = 1 - this.learningRate * weightDecay
    tf.tidy(() => {
      for (const { name, tensor: gradient } of named) {
        // A variable that the loss does not reach has none.
        if (gradient == null) continue
        const variable = tf.engine().registeredVariables[name]!
        const { m, v } = this.#momentsOf(variable)
        m.assign(tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1)))
        v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2)))
        const step = tf.div(m, tf.add(tf.div(tf.sqrt(v), correction), epsilon))
        const kept = keep === 1 ? variable : tf.mul(variable, keep)
        variable.assign(tf.sub(kept, tf.mul(step, rate)))
      }
    })
  }

  override dispose(): void {
    super.dispose()
    for (const { m, v } of this.#moments.values()) tf.dispose([m, v])
    this.#moments.clear()
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...this.#options, learningRate: this.learningRate }
  }

  #momentsOf(variable: tf.Variable): { m: tf.Variable; v: tf.Variable } {
    const known = this.#moments.get(variable.name)
    if (known !== undefined) return known
    const zeros = () => tf.variable(tf.zerosLike(variable), false)
    const made = { m: zeros(), v: zeros() }
    this.#moments.set(variable.name, made)
    return made
  }
}
