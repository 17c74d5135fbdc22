import type * as TF from '@tensorflow/tfjs'

export type Tf = typeof TF

/** A loss whose second derivative is asked for. */
export interface Built {
  readonly loss: () => TF.Scalar
  readonly variables: TF.Variable[]
}

/** One row: written for any tfjs, since another process runs it in float64. */
export interface Case {
  readonly name: string
  build(tf: Tf, data: Data): Built
}

/** Numbers that every process agrees on, exact in float32. */
export class Data {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** Roughly normal, unit variance: twelve uniforms, less six. */
  values(length: number, scale = 1): number[] {
    return Array.from({ length }, () => {
      let sum = -6
      for (let i = 0; i < 12; i++) sum += this.#uniform()
      return Math.fround(scale * sum)
    })
  }

  tensor<R extends TF.Rank = TF.Rank>(tf: Tf, shape: number[], scale = 1): TF.Tensor<R> {
    const size = shape.reduce((product, length) => product * length, 1)
    return tf.tensor(this.values(size, scale), shape as never, 'float32') as TF.Tensor<R>
  }

  variable(tf: Tf, shape: number[], scale = 1): TF.Variable {
    return tf.variable(this.tensor(tf, shape, scale))
  }

  /** Whole numbers of 0 … below. */
  whole(length: number, below: number): number[] {
    return Array.from({ length }, () => Math.floor(this.#uniform() * below))
  }

  /** The minimal standard generator, in [0, 1). */
  #uniform(): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647
    return this.#state / 2_147_483_647
  }
}

/** Hv of a case by any gradient of its loss: `gradient` returns them in the order of the variables. */
export function direction(tf: Tf, variables: readonly TF.Variable[], seed: number): TF.Tensor[] {
  const data = new Data(seed)
  return variables.map(({ shape }) => data.tensor(tf, shape))
}
