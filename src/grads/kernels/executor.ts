import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core'

/** What we use of tfjs-node's backend: operations of TensorFlow by their names. */
export interface Executor {
  readonly binding: Readonly<Record<string, number>>
  executeSingleOutput(name: string, attributes: readonly object[], inputs: readonly TensorInfo[]): Tensor
}

/** The attribute of an operation that its tensors are float32. */
export function ofFloats({ binding }: Executor): object {
  return { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }
}
