import { Tensor, type TensorInfo } from '@tensorflow/tfjs-core'

/** What we use of tfjs-node's backend: operations of TensorFlow by their names. */
export interface Executor {
  readonly isUsingGpuDevice: boolean
  readonly binding: Readonly<Record<string, number>>
  /** In tfjs 4.22 a Tensor. */
  executeSingleOutput(name: string, attributes: readonly object[], inputs: readonly TensorInfo[]): TensorInfo
  disposeData(dataId: object): boolean
}

/** The attribute of an operation that its tensors are float32. */
export function ofFloats({ binding }: Executor): object {
  return { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }
}

/** Gives back what an operation has made, known to tfjs' engine or not. */
export function dispose(backend: Executor, info: TensorInfo): void {
  if (info instanceof Tensor) info.dispose()
  else backend.disposeData(info.dataId)
}
