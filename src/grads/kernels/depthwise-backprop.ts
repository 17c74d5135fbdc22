// y[n, p, q, c·M + m] = Σ x[n, p·stride + r·dilation − top, q·stride + s·dilation − left, c] · W[r, s, c, m], so
// dW[r, s, c, m] = Σ x·dy and dx = Σ dy·W, both sums over the same meetings of a tap with an output position.
import { backend_util, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import { cpuMemory, type Memory, wasmMemory } from './memory.ts'
import { forEachMeeting, windowsOf } from './windows.ts'

interface Depthwise {
  strides: number | [number, number]
  dilations?: number | [number, number] | null
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}
type Shape4 = [number, number, number, number]

function convolution(input: readonly number[], filter: readonly number[], attrs: Depthwise): backend_util.Conv2DInfo {
  const { strides, dilations, pad, dimRoundingMode } = attrs
  return backend_util.computeConv2DInfo(
    input as Shape4,
    filter as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    true,
  )
}

function filterGradient(
  memory: Memory,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  attrs: Depthwise & { filterShape: number[] },
): TensorInfo {
  const info = convolution(x.shape, attrs.filterShape, attrs)
  const { inChannels } = info
  const multiplier = info.outChannels / inChannels
  const result = memory.make(info.filterShape)
  const xs = memory.values(x)
  const dys = memory.values(dy)
  // Every element sums over the whole batch and image: in float64, as on the cpu backend.
  const sums = new Float64Array(attrs.filterShape.reduce((product, n) => product * n, 1))
  forEachMeeting(windowsOf(info), (xAt, tap, dyAt) => {
    const filterAt = tap * info.outChannels
    for (let c = 0, k = 0; c < inChannels; c++) {
      const value = xs[xAt + c]!
      for (let m = 0; m < multiplier; m++, k++) sums[filterAt + k]! += value * dys[dyAt + k]!
    }
  })
  memory.values(result).set(sums)
  return result
}

function inputGradient(
  memory: Memory,
  { dy, filter }: { dy: TensorInfo; filter: TensorInfo },
  attrs: Depthwise & { inputShape: number[] },
): TensorInfo {
  const info = convolution(attrs.inputShape, filter.shape, attrs)
  const { inChannels } = info
  const multiplier = info.outChannels / inChannels
  const result = memory.make(attrs.inputShape)
  const dx = memory.values(result)
  const dys = memory.values(dy)
  const weights = memory.values(filter)
  dx.fill(0)
  forEachMeeting(windowsOf(info), (xAt, tap, dyAt) => {
    const filterAt = tap * info.outChannels
    for (let c = 0, k = 0; c < inChannels; c++) {
      let sum = 0
      for (let m = 0; m < multiplier; m++, k++) sum += weights[filterAt + k]! * dys[dyAt + k]!
      dx[xAt + c]! += sum
    }
  })
  return result
}

type FilterArguments = Parameters<typeof filterGradient>
type InputArguments = Parameters<typeof inputGradient>

/** Depthwise filter gradient on wasm, which ships none. */
export const wasmDepthwiseBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) =>
  filterGradient(wasmMemory(backend), inputs as FilterArguments[1], attrs as unknown as FilterArguments[2])

/** Depthwise input gradient on wasm, which ships none. */
export const wasmDepthwiseBackpropInput: KernelFunc = ({ inputs, backend, attrs }) =>
  inputGradient(wasmMemory(backend), inputs as InputArguments[1], attrs as unknown as InputArguments[2])

/** Depthwise filter gradient on cpu, where the stock kernel addresses every element by four coordinates. */
export const cpuDepthwiseBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) =>
  filterGradient(cpuMemory(backend), inputs as FilterArguments[1], attrs as unknown as FilterArguments[2])
