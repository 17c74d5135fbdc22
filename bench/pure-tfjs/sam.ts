import * as tf from '@tensorflow/tfjs'
import { type Estimate, Wrapper } from './wrapper.ts'

/** Sharpness-aware minimization with tfjs operations only: the gradient at W + ρ·g/‖g‖. */
export class Sam extends Wrapper {
  static readonly className = 'PureSam'
  readonly #rho: number

  constructor(base: tf.Optimizer, { rho = 0.05 }: { rho?: number } = {}) {
    super(base)
    this.#rho = rho
  }

  protected override estimate(loss: () => tf.Scalar, variables: tf.Variable[]): Estimate {
    const weights = variables.map((variable) => variable.clone())
    const first = tf.variableGrads(loss, variables)
    const squares = Object.values(first.grads).map((gradient) => tf.sum(tf.square(gradient)))
    const scale = tf.divNoNan(this.#rho, tf.sqrt(tf.addN(squares)))
    try {
      for (const [i, variable] of variables.entries()) {
        const gradient = first.grads[variable.name]
        if (gradient != null) variable.assign(tf.add(weights[i]!, tf.mul(gradient, scale)))
      }
      const second = tf.variableGrads(loss, variables)
      return { loss: tf.div(tf.add(first.value, second.value), 2) as tf.Scalar, gradients: second.grads }
    } finally {
      for (const [i, variable] of variables.entries()) variable.assign(weights[i]!)
    }
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { rho: this.#rho, base: this.base.getConfig() }
  }
}
