import { cast, cumsum, div, engine, type GradConfig, less, mul, type Tensor, zeros } from '@tensorflow/tfjs-core'
import { averaged2d, averaged3d, selected } from './pooling.ts'

/** Gradients of what first derivatives are made of, which tfjs has none for. One line a kernel. */
export const gradients: readonly GradConfig[] = [
  // Constant almost everywhere.
  ...['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'].map((name) =>
    constant(name, 'a', 'b'),
  ),
  constant('LogicalNot', 'x'),
  // Bilinear: each of them is made of the other two.
  ...convolution('Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropInput', { dilations: [1, 1] }),
  ...convolution('DepthwiseConv2dNative', 'DepthwiseConv2dNativeBackpropFilter', 'DepthwiseConv2dNativeBackpropInput', {
    dataFormat: 'NHWC',
  }),
  ...convolution('Conv3D', 'Conv3DBackpropFilterV2', 'Conv3DBackpropInputV2', {
    dataFormat: 'NDHWC',
    dilations: [1, 1, 1],
  }),
  // Linear in the first, constant in the others almost everywhere.
  linear('AvgPoolGrad', ['dy', 'input'], averaged2d),
  linear('AvgPool3DGrad', ['dy', 'input'], averaged3d),
  linear('MaxPoolGrad', ['dy', 'input', 'output'], selected),
  linear('MaxPool3DGrad', ['dy', 'input', 'output'], selected),
  linear('ResizeBilinearGrad', ['dy', 'images'], (u, [dy], attributes) =>
    resized('ResizeBilinear', u, dy!, attributes),
  ),
  linear('ResizeNearestNeighborGrad', ['dy', 'images'], (u, [dy], attributes) =>
    resized('ResizeNearestNeighbor', u, dy!, attributes),
  ),
  {
    // Of prod. Not finite where an element is 0, which nobody then takes for a number.
    kernelName: 'Cumprod',
    inputsToSave: ['x'],
    outputsToSave: [true],
    gradFunc: (u, [x, y], attributes) => ({
      x: () => {
        const { axis, exclusive, reverse } = attributes as unknown as Cumulation
        return div(cumsum(mul(one(u), y!), axis, exclusive, !reverse), x!)
      },
    }),
  },
  {
    kernelName: 'EluGrad',
    inputsToSave: ['dy', 'y'],
    gradFunc: (u, [dy, y]) => ({
      dy: () => run('EluGrad', { dy: one(u), y: y! }),
      // The derivative of elu is y + 1 where y < 0, and 1 elsewhere.
      y: () => mul(mul(one(u), dy!), cast(less(y!, 0), 'float32')),
    }),
  },
]

interface Cumulation {
  readonly axis: number
  readonly exclusive: boolean
  readonly reverse: boolean
}

function constant(kernelName: string, ...inputs: string[]): GradConfig {
  return {
    kernelName,
    inputsToSave: inputs,
    gradFunc: (_, saved) => Object.fromEntries(inputs.map((name, i) => [name, () => zeros(saved[i]!.shape)])),
  }
}

/** For y = conv(x, w): the gradients of dL/dw as a function of (x, dy), and of dL/dx as one of (dy, w). */
function convolution(forward: string, byFilter: string, byInput: string, defaults: object): GradConfig[] {
  const attributesOf = (attributes: object, more: object) => ({ ...defaults, ...attributes, ...more })
  return [
    {
      kernelName: byFilter,
      inputsToSave: ['x', 'dy'],
      gradFunc: (u, [x, dy], attributes) => ({
        x: () => run(byInput, { dy: dy!, filter: one(u) }, attributesOf(attributes, { inputShape: x!.shape })),
        dy: () => run(forward, { x: x!, filter: one(u) }, attributesOf(attributes, {})),
      }),
    },
    {
      kernelName: byInput,
      inputsToSave: ['dy', 'filter'],
      gradFunc: (u, [dy, filter], attributes) => ({
        dy: () => run(forward, { x: one(u), filter: filter! }, attributesOf(attributes, {})),
        filter: () => run(byFilter, { x: one(u), dy: dy! }, attributesOf(attributes, { filterShape: filter!.shape })),
      }),
    },
  ]
}

/** `adjoint` takes the upstream gradient back to the first input; the saved tensors come in the order of `inputs`. */
function linear(
  kernelName: string,
  inputs: readonly string[],
  adjoint: (u: Tensor, saved: Tensor[], attributes: Record<string, unknown>) => Tensor,
): GradConfig {
  return {
    kernelName,
    inputsToSave: [...inputs],
    gradFunc: (u, saved, attributes) =>
      Object.fromEntries(
        inputs.map((name, i) => [
          name,
          () => (i === 0 ? adjoint(one(u), saved, attributes as Record<string, unknown>) : zeros(saved[i]!.shape)),
        ]),
      ),
  }
}

function resized(kernel: string, u: Tensor, { shape }: Tensor, attributes: Record<string, unknown>): Tensor {
  const { alignCorners, halfPixelCenters } = attributes
  return run(kernel, { images: u }, { alignCorners, halfPixelCenters, size: [shape[1], shape[2]] })
}

/** The gradient of a kernel with a single output. */
function one(u: Tensor | Tensor[]): Tensor {
  return Array.isArray(u) ? u[0]! : u
}

function run(kernel: string, inputs: Record<string, Tensor>, attributes: object = {}): Tensor {
  return engine().runKernel(kernel, inputs, attributes as never) as Tensor
}
