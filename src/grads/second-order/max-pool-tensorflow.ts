import { backend_util, customGrad, engine, type Tensor } from '@tensorflow/tfjs-core'

/** What this file uses of tfjs-node's backend. */
interface Executor {
  readonly binding: Readonly<Record<string, number>>
  executeSingleOutput(name: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor
}

/**
 * u where each window has its maximum, by TensorFlow's own kernel, which tfjs has no name for; two dimensions. Where two
 * elements of a window are equal the first is taken.
 */
export function selectedByTensorFlow(u: Tensor, [, input, output]: Tensor[], attributes: object): Tensor {
  const { filterSize, strides, pad, dimRoundingMode } = attributes as never
  const windows = backend_util.computePool2DInfo(input!.shape as never, filterSize, strides, 1, pad, dimRoundingMode)
  const backend = engine().backend as unknown as Executor
  const { TF_ATTR_TYPE, TF_ATTR_INT, TF_ATTR_STRING, TF_FLOAT } = backend.binding
  const list = [
    { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'ksize', type: TF_ATTR_INT, value: [1, windows.filterHeight, windows.filterWidth, 1] },
    { name: 'strides', type: TF_ATTR_INT, value: [1, windows.strideHeight, windows.strideWidth, 1] },
    { name: 'padding', type: TF_ATTR_STRING, value: windows.padInfo.type },
    { name: 'data_format', type: TF_ATTR_STRING, value: 'NHWC' },
  ]
  const select = customGrad((given) => ({
    value: backend.executeSingleOutput('MaxPoolGradGrad', list, [input!, output!, given as Tensor]),
    gradFunc: (dy) =>
      engine().runKernel('MaxPoolGrad', { dy, input: input!, output: output! }, attributes as never) as Tensor,
  }))
  return select(u)
}
