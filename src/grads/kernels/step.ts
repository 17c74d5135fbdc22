// step(x), which the gradient of relu multiplies by, is six operations in tfjs-node, two of them choices by condition: a sixth of
// a dense net's gradient, a quarter of a conv net's.
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { dispose, type Executor, ofFloats } from './executor.ts'
import { stockKernel } from './stock.ts'

/**
 * 1 where x > 0, NaN where it is NaN, as TensorFlow's `Sign` has it on CPUs, else 0: relu(sign(x)). Another slope below 0, integers
 * and GPUs go to the stock kernel.
 */
export const tensorflowStep: KernelFunc = (params) => {
  const { x } = params.inputs as { x: TensorInfo }
  const { alpha } = params.attrs as unknown as { alpha: number }
  const backend = params.backend as Executor
  if (x.dtype !== 'float32' || alpha !== 0 || backend.isUsingGpuDevice) return stockKernel('Step', 'tensorflow')(params)
  const attributes = [ofFloats(backend)]
  const sign = backend.executeSingleOutput('Sign', attributes, [x])
  try {
    return backend.executeSingleOutput('Relu', attributes, [sign])
  } finally {
    dispose(backend, sign)
  }
}
