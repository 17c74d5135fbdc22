import { backend_util, customGrad, engine, type Tensor } from '@tensorflow/tfjs-core'
import { type Executor, ofFloats } from '../kernels/executor.ts'

/**
 * u where each window has its maximum, by TensorFlow's own kernel, which tfjs has no name for; two dimensions. Where two
 * elements of a window are equal the first is taken.
 */
export function selectedByTensorFlow(u: Tensor, [, input, output]: Tensor[], attributes: object): Tensor {
  const { filterSize, strides, pad, dimRoundingMode } = attributes as never
  const windows = backend_util.computePool2DInfo(input!.shape as never, filterSize, strides, 1, pad, dimRoundingMode)
  const backend = engine().backend as unknown as Executor
  const { TF_ATTR_INT, TF_ATTR_STRING } = backend.binding
  const list = [
    ofFloats(backend),
    { name: 'ksize', type: TF_ATTR_INT, value: [1, windows.filterHeight, windows.filterWidth, 1] },
    { name: 'strides', type: TF_ATTR_INT, value: [1, windows.strideHeight, windows.strideWidth, 1] },
    { name: 'padding', type: TF_ATTR_STRING, value: windows.padInfo.type },
    { name: 'data_format', type: TF_ATTR_STRING, value: 'NHWC' },
  ]
  const select = customGrad((given) => ({
    value: backend.executeSingleOutput('MaxPoolGradGrad', list, [input!, output!, given as Tensor]) as Tensor,
    gradFunc: (dy) =>
      engine().runKernel('MaxPoolGrad', { dy, input: input!, output: output! }, attributes as never) as Tensor,
  }))
  return select(u)
}
