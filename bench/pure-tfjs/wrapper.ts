import * as tf from '@tensorflow/tfjs'

/** What an estimator makes of a loss: the mean loss over its passes and one gradient a variable, by name. */
export interface Estimate {
  loss: tf.Scalar
  gradients: tf.NamedTensorMap
}

/** An optimizer that estimates its gradient from several evaluations of the loss and leaves the update to another one. */
export abstract class Wrapper extends tf.Optimizer {
  protected readonly base: tf.Optimizer

  constructor(base: tf.Optimizer) {
    super()
    this.base = base
  }

  /** Evaluates the loss at moved weights and puts them back. Runs inside a tidy. */
  protected abstract estimate(loss: () => tf.Scalar, variables: tf.Variable[]): Estimate

  override minimize(loss: () => tf.Scalar, returnCost = false, given?: tf.Variable[]): tf.Scalar | null {
    const all = given ?? Object.values(tf.engine().registeredVariables)
    const variables = all.filter(({ trainable }) => trainable)
    const cost = tf.tidy(() => {
      const estimate = this.estimate(loss, variables)
      this.base.applyGradients(estimate.gradients)
      this.incrementIterations()
      return estimate.loss
    })
    if (returnCost) return cost
    cost.dispose()
    return null
  }

  override applyGradients(gradients: tf.NamedTensorMap | { name: string; tensor: tf.Tensor }[]): void {
    this.base.applyGradients(gradients as tf.NamedTensorMap)
  }

  override dispose(): void {
    super.dispose()
    this.base.dispose()
  }
}
