import type * as TF from '@tensorflow/tfjs'
import type { Case, Data, Tf } from './case.ts'

/** A net of tfjs-layers on one batch, with a loss on top; its weights are set to numbers everybody agrees on. */
export function net(
  name: string,
  inputs: number[] | number[][],
  make: (tf: Tf, ...x: TF.SymbolicTensor[]) => TF.SymbolicTensor,
  {
    loss = squares,
    input = dense,
    training = false,
  }: {
    loss?: (tf: Tf, y: TF.Tensor, data: TF.Tensor) => TF.Tensor
    input?: (tf: Tf, data: Data, shape: number[]) => TF.Tensor
    training?: boolean
  } = {},
): Case {
  return {
    name,
    build(tf, data) {
      const shapes = (Array.isArray(inputs[0]) ? inputs : [inputs]) as number[][]
      const symbols = shapes.map((shape) => tf.input({ shape }))
      const model = tf.model({ inputs: symbols, outputs: make(tf, ...symbols) })
      for (const weight of model.weights) {
        const values = data.tensor(tf, weight.shape as number[], 0.4)
        // Gains about 1, and variances above 0.
        weight.write(/gamma|variance/.test(weight.originalName) ? tf.add(1, tf.mul(values, 0.5)) : values)
      }
      const x = shapes.map((shape) => input(tf, data, [3, ...shape]))
      const variables = model.trainableWeights.map((weight) => weight.read() as TF.Variable)
      const run = () => model.apply(x.length === 1 ? x[0]! : x, { training }) as TF.Tensor
      const target = data.tensor(
        tf,
        tf.tidy(() => run().shape),
      )
      return { loss: () => tf.mean(loss(tf, run(), target)) as TF.Scalar, variables }
    },
  }
}

const dense = (tf: Tf, data: Data, shape: number[]) => data.tensor(tf, shape)
const squares = (tf: Tf, y: TF.Tensor, target: TF.Tensor) => tf.square(tf.sub(y, target))

export const flat = (tf: Tf, x: unknown) => tf.layers.flatten().apply(x as TF.SymbolicTensor) as TF.SymbolicTensor
