import type { KernelFunc } from '@tensorflow/tfjs-core'
import { avgPoolGrad } from './avg-pool-grad.ts'
import { wasmBatchMatMul } from './batch-mat-mul.ts'
import { cpuConv2DBackpropFilter, wasmConv2DBackpropFilter } from './conv2d-backprop-filter.ts'
import { wasmConv2DBackpropInput } from './conv2d-backprop-input.ts'
import { wasmConv3DBackpropFilter, wasmConv3DBackpropInput } from './conv3d-backprop.ts'
import {
  cpuDepthwiseBackpropFilter,
  wasmDepthwiseBackpropFilter,
  wasmDepthwiseBackpropInput,
} from './depthwise-backprop.ts'
import { wasmIdentity } from './identity.ts'
import { wasmMaxPool3D } from './max-pool-3d.ts'
import { maxPoolGrad } from './max-pool-grad.ts'
import { resizeBilinearGrad, resizeNearestGrad } from './resize-grad.ts'
import { tensorflowStep } from './step.ts'
import { cpuUnsortedSegmentSum, wasmUnsortedSegmentSum } from './unsorted-segment-sum.ts'

/** A kernel that saltflat puts in the place of a missing, wrong or slow one. */
export interface Replacement {
  readonly kernelName: string
  readonly backendName: 'cpu' | 'tensorflow' | 'wasm'
  readonly kernelFunc: KernelFunc
  /** What is amiss with the kernel of tfjs 4.22: there is none, its results are wrong, or only its speed is. */
  readonly reason: 'missing' | 'wrong' | 'slow'
  /** The same in words, for the docs. */
  readonly fault: string
}

const none = 'there is none'
const negative = 'no gradient for windows without a positive value'
const padded = 'too little near padded edges'
const halfPixel = 'wrong with halfPixelCenters'

type Line = readonly [string, Replacement['reason'], KernelFunc, string]
const wasm: readonly Line[] = [
  ['AvgPool3DGrad', 'wrong', avgPoolGrad.wasm, padded],
  ['AvgPoolGrad', 'wrong', avgPoolGrad.wasm, padded],
  [
    'BatchMatMul',
    'slow',
    wasmBatchMatMul,
    'transposed products run in a scalar loop; wrong where a right operand comes reshaped',
  ],
  ['Conv2DBackpropFilter', 'missing', wasmConv2DBackpropFilter, `${none} (tensorflow/tfjs issue 8474)`],
  ['Conv2DBackpropInput', 'slow', wasmConv2DBackpropInput, 'right, but a scalar loop'],
  ['Conv3DBackpropFilterV2', 'wrong', wasmConv3DBackpropFilter, 'wrong with strides or padding'],
  ['Conv3DBackpropInputV2', 'wrong', wasmConv3DBackpropInput, 'wrong'],
  ['DepthwiseConv2dNativeBackpropFilter', 'missing', wasmDepthwiseBackpropFilter, none],
  ['DepthwiseConv2dNativeBackpropInput', 'missing', wasmDepthwiseBackpropInput, none],
  ['Identity', 'slow', wasmIdentity, 'right, but copies what it could share'],
  ['MaxPool3D', 'wrong', wasmMaxPool3D, 'wrong for windows without a positive value'],
  ['MaxPool3DGrad', 'wrong', maxPoolGrad.wasm, negative],
  ['MaxPoolGrad', 'wrong', maxPoolGrad.wasm, negative],
  ['ResizeBilinearGrad', 'wrong', resizeBilinearGrad.wasm, halfPixel],
  ['ResizeNearestNeighborGrad', 'wrong', resizeNearestGrad.wasm, `${halfPixel}, or alignCorners from a side of 1`],
  ['UnsortedSegmentSum', 'missing', wasmUnsortedSegmentSum, `${none} (tensorflow/tfjs issue 8082)`],
]
const cpu: readonly Line[] = [
  ['AvgPool3DGrad', 'wrong', avgPoolGrad.cpu, padded],
  ['AvgPoolGrad', 'wrong', avgPoolGrad.cpu, padded],
  ['Conv2DBackpropFilter', 'slow', cpuConv2DBackpropFilter, 'right, but takes nine tenths of a conv net’s step'],
  ['DepthwiseConv2dNativeBackpropFilter', 'slow', cpuDepthwiseBackpropFilter, 'right, but slow'],
  ['MaxPool3DGrad', 'wrong', maxPoolGrad.cpu, 'wrong with windows of unequal height and width'],
  ['MaxPoolGrad', 'slow', maxPoolGrad.cpu, 'right, but visits every window once per element'],
  [
    'ResizeBilinearGrad',
    'wrong',
    resizeBilinearGrad.cpu,
    'height and width swapped, which fails unless they are equal',
  ],
  ['ResizeNearestNeighborGrad', 'wrong', resizeNearestGrad.cpu, 'wrong, partly NaN'],
  ['UnsortedSegmentSum', 'slow', cpuUnsortedSegmentSum, 'right, but multiplies everything once per segment'],
]
const tensorflow: readonly Line[] = [['Step', 'slow', tensorflowStep, 'right, but six operations']]

const rowsOf = (backendName: Replacement['backendName'], lines: readonly Line[]): Replacement[] =>
  lines.map(([kernelName, reason, kernelFunc, fault]) => ({ kernelName, backendName, kernelFunc, reason, fault }))

/** Every replacement. A new one is one line here and, for a new kernel, its trials; the tests run over the table. */
export const replacements: readonly Replacement[] = [
  ...rowsOf('cpu', cpu),
  ...rowsOf('tensorflow', tensorflow),
  ...rowsOf('wasm', wasm),
]
