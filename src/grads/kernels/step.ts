// step(x), which the gradient of relu multiplies by, is six operations in tfjs-node, among them a choice by condition that runs on
// one thread: a sixth of a dense net's gradient, a quarter of a conv net's.
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { type Executor, ofFloats } from './executor.ts'
import { stockKernel } from './stock.ts'

/** 1 where x > 0, NaN where it is NaN, else 0: relu(sign(x)). Another slope below 0, and integers, go to the stock kernel. */
export const tensorflowStep: KernelFunc = (params) => {
  const { x } = params.inputs as { x: TensorInfo }
  const { alpha } = params.attrs as unknown as { alpha: number }
  if (x.dtype !== 'float32' || alpha !== 0) return stockKernel('Step', 'tensorflow')(params)
  const backend = params.backend as Executor
  const attributes = [ofFloats(backend)]
  const sign = backend.executeSingleOutput('Sign', attributes, [x])
  const step = backend.executeSingleOutput('Relu', attributes, [sign])
  sign.dispose()
  return step
}
