import * as tf from '@tensorflow/tfjs'
import { type Estimate, Wrapper } from './wrapper.ts'

/** U of one variable in one perturbation of one step: unit variance. */
export type Noise = (shape: number[], at: { step: number; perturbation: number; tensor: number }) => tf.Tensor

/** Options of the twin. */
export interface NsoOptions {
  sigma?: number
  perturbations?: number
  /** Default `tf.randomNormal`; tests give the generator that saltflat uses. */
  noise?: Noise
}

/** Noise stability optimization with tfjs operations only: the mean gradient at W + σU and W − σU. */
export class Nso extends Wrapper {
  static readonly className = 'PureNso'
  readonly #sigma: number
  readonly #perturbations: number
  readonly #noise: Noise

  constructor(base: tf.Optimizer, options: NsoOptions = {}) {
    super(base)
    this.#sigma = options.sigma ?? 0.01
    this.#perturbations = options.perturbations ?? 1
    this.#noise = options.noise ?? ((shape) => tf.randomNormal(shape))
  }

  protected override estimate(loss: () => tf.Scalar, variables: tf.Variable[]): Estimate {
    // Clones share the values; `assign` below gives the variables others.
    const weights = variables.map((variable) => variable.clone())
    const parts: { value: tf.Scalar; grads: tf.NamedTensorMap }[] = []
    try {
      for (let perturbation = 0; perturbation < this.#perturbations; perturbation++) {
        const noise = variables.map(({ shape }, tensor) =>
          tf.mul(this.#noise(shape, { step: this.iterations, perturbation, tensor }), this.#sigma),
        )
        for (const [i, variable] of variables.entries()) variable.assign(tf.add(weights[i]!, noise[i]!))
        parts.push(tf.variableGrads(loss, variables))
        for (const [i, variable] of variables.entries()) variable.assign(tf.sub(weights[i]!, noise[i]!))
        parts.push(tf.variableGrads(loss, variables))
      }
    } finally {
      for (const [i, variable] of variables.entries()) variable.assign(weights[i]!)
    }
    const passes = parts.length
    const gradients: tf.NamedTensorMap = {}
    for (const { name } of variables) {
      const [first, ...rest] = parts.flatMap(({ grads }) => grads[name] ?? [])
      if (first === undefined) continue
      gradients[name] = tf.div(
        rest.reduce((sum, one) => tf.add(sum, one), first),
        passes,
      )
    }
    return { loss: tf.div(tf.addN(parts.map(({ value }) => value)), passes) as tf.Scalar, gradients }
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { sigma: this.#sigma, perturbations: this.#perturbations, base: this.base.getConfig() }
  }
}
