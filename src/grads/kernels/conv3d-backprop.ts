// y[n, p, k] = Σ x[n, p·stride + t − before, c] · W[t, c, k] with p, t and before triples, so dW[t, c, k] = Σ x·dy and
// dx = Σ dy·W, both sums over the meetings of a tap with an output position.
import { backend_util, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import { type Memory, wasmMemory } from './memory.ts'
import { forEachMeeting, type Windows, windowsOf } from './windows.ts'

interface Convolution {
  strides: number | [number, number, number]
  pad: 'valid' | 'same'
}
type Shape5 = [number, number, number, number, number]

function windowsFor(input: readonly number[], filter: readonly number[], { strides, pad }: Convolution): Windows {
  return windowsOf(backend_util.computeConv3DInfo(input as Shape5, filter as Shape5, strides, 1, pad))
}

/** Filter gradient on wasm, whose stock kernel is right only at stride 1 without padding. */
export const wasmConv3DBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo }
  const { filterShape } = attrs as unknown as { filterShape: Shape5 }
  const windows = windowsFor(x.shape, filterShape, attrs as unknown as Convolution)
  const { inChannels, outChannels } = windows
  const memory: Memory = wasmMemory(backend)
  const result = memory.make(filterShape)
  const xs = memory.values(x)
  const dys = memory.values(dy)
  // Every element sums over the whole batch and volume: in float64.
  const sums = new Float64Array(filterShape.reduce((product, n) => product * n, 1))
  forEachMeeting(windows, (xAt, tap, dyAt) => {
    for (let c = 0, at = tap * inChannels * outChannels; c < inChannels; c++) {
      const value = xs[xAt + c]!
      for (let k = 0; k < outChannels; k++, at++) sums[at]! += value * dys[dyAt + k]!
    }
  })
  memory.values(result).set(sums)
  return result
}

/** Input gradient on wasm, where the stock kernel is wrong. */
export const wasmConv3DBackpropInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo }
  const { inputShape } = attrs as unknown as { inputShape: Shape5 }
  const windows = windowsFor(inputShape, filter.shape, attrs as unknown as Convolution)
  const { inChannels, outChannels } = windows
  const memory: Memory = wasmMemory(backend)
  const result = memory.make(inputShape)
  const dx = memory.values(result).fill(0)
  const dys = memory.values(dy)
  const weights = memory.values(filter)
  forEachMeeting(windows, (xAt, tap, dyAt) => {
    for (let c = 0, at = tap * inChannels * outChannels; c < inChannels; c++) {
      let sum = 0
      for (let k = 0; k < outChannels; k++, at++) sum += weights[at]! * dys[dyAt + k]!
      dx[xAt + c]! += sum
    }
  })
  return result
}
