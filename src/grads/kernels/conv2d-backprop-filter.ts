// dW[r, s, c, k] = Σ x[n, p·stride + r − top, q·stride + s − left, c] · dy[n, p, q, k] over n, p, q.
// With the layout of planes.ts that is one matrix product per image: rows of x's runs times dy.
import { backend_util, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../../errors.ts'
import { cpuMemory, wasmMemory } from './memory.ts'
import { type Planes, planesOf } from './planes.ts'
import { stockKernel } from './stock.ts'

interface Convolution {
  strides: number | [number, number]
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  dataFormat?: 'NHWC' | 'NCHW'
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
  filterShape: [number, number, number, number]
  /** Not in tfjs' attributes: its own gradient refuses dilation. 1 unless given. */
  dilations?: number | [number, number]
}

/** Positions of one product: long enough to pay for the call, short enough that dy stays in the cache and float sums stay exact. */
const POSITIONS = 4096

/** Filter gradient on wasm, which ships none (tensorflow/tfjs issue 8474): runs copied side by side, multiplied by XNNPACK. */
export const wasmConv2DBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo }
  const info = convolution(x, attrs as unknown as Convolution)
  if (info.dataFormat !== 'channelsLast')
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `wasm backend Conv2DBackpropFilter does not support dataFormat:'${info.dataFormat}'. Please use 'channelsLast'.`,
    )
  const memory = wasmMemory(backend)
  const matMul = stockKernel('BatchMatMul', 'wasm')
  const planes = planesOf(info)
  const { batchSize, outHeight, outWidth, outChannels, inHeight, inWidth, inChannels } = info
  const rows = planes.rows.length
  const sums = new Float64Array(rows * outChannels)
  const chunk = Math.max(1, Math.min(batchSize, Math.floor(POSITIONS / planes.positions)))

  const scratch = memory.make([planes.total])
  memory.values(scratch).fill(0)
  for (let first = 0; first < batchSize; first += chunk) {
    const images = Math.min(chunk, batchSize - first)
    const length = images * planes.positions
    const runs = memory.make([rows, length])
    const spread = memory.make([length, outChannels])
    // One view of the whole heap, so that runs and rows move by copyWithin, with no object per copy.
    const at = [scratch, runs, spread, x, dy].map((t) => memory.values(t).byteOffset / 4)
    const [planesAt, runsAt, spreadAt, xAt, dyAt] = at as [number, number, number, number, number]
    const heap = new Float32Array(memory.values(runs).buffer as ArrayBuffer)
    for (let i = 0; i < images; i++) {
      const n = first + i
      planes.fill(heap, xAt + n * inHeight * inWidth * inChannels, heap, planesAt)
      let target = runsAt + i * planes.positions
      for (let row = 0; row < rows; row++, target += length) {
        const source = planesAt + planes.rows[row]!
        heap.copyWithin(target, source, source + planes.positions)
      }
      spreadRows(heap, dyAt + n * outHeight * outWidth * outChannels, spreadAt + i * planes.positions * outChannels, {
        lines: outHeight,
        line: outWidth * outChannels,
        gap: (planes.width - outWidth) * outChannels,
      })
    }
    const product = matMul({
      inputs: { a: runs, b: spread },
      backend,
      attrs: { transposeA: false, transposeB: false },
    }) as TensorInfo
    const part = memory.values(product)
    for (let i = 0; i < sums.length; i++) sums[i]! += part[i]!
    for (const t of [product, spread, runs]) memory.dispose(t)
  }
  memory.dispose(scratch)
  const filter = memory.make(info.filterShape)
  memory.values(filter).set(sums)
  return filter
}

/** Filter gradient on cpu, where the stock kernel takes 90 % of a training step: the same product in plain loops, in float64. */
export const cpuConv2DBackpropFilter: KernelFunc = (params) => {
  const { x, dy } = params.inputs as { x: TensorInfo; dy: TensorInfo }
  const info = convolution(x, params.attrs as unknown as Convolution)
  if (info.dataFormat !== 'channelsLast') return stockKernel('Conv2DBackpropFilter', 'cpu')(params)
  const memory = cpuMemory(params.backend)
  const planes = planesOf(info)
  const { batchSize, outHeight, outWidth, outChannels } = info
  const image = info.inHeight * info.inWidth * info.inChannels
  const [xs, dys] = [memory.values(x), memory.values(dy)]
  const runs = new Float32Array(planes.total)
  // Whole tiles of 4 channels; the surplus ones stay zero.
  const channels = Math.ceil(outChannels / 4) * 4
  const spread = new Float32Array(channels * planes.positions)
  const sums = new Float64Array(planes.rows.length * channels)
  for (let n = 0; n < batchSize; n++) {
    planes.fill(xs, n * image, runs, 0)
    for (let k = 0; k < outChannels; k++)
      for (let p = 0; p < outHeight; p++) {
        let source = (n * outHeight + p) * outWidth * outChannels + k
        const line = k * planes.positions + p * planes.width
        for (let q = 0; q < outWidth; q++, source += outChannels) spread[line + q] = dys[source]!
      }
    addProducts(planes, runs, spread, channels, sums)
  }
  const filter = memory.make(info.filterShape)
  const values = memory.values(filter)
  for (let row = 0; row < planes.rows.length; row++)
    for (let k = 0; k < outChannels; k++) values[row * outChannels + k] = sums[row * channels + k]!
  return filter
}

function convolution(x: TensorInfo, attrs: Convolution): backend_util.Conv2DInfo {
  const { filterShape, strides, pad, dimRoundingMode, dilations = 1, dataFormat = 'NHWC' } = attrs
  const format = backend_util.convertConv2DDataFormat(dataFormat)
  const shape = x.shape as [number, number, number, number]
  return backend_util.computeConv2DInfo(shape, filterShape, strides, dilations, pad, dimRoundingMode, false, format)
}

/** Copies `lines` lines within `heap`, with `gap` zeros between two of them. */
function spreadRows(
  heap: Float32Array,
  from: number,
  to: number,
  { lines, line, gap }: { lines: number; line: number; gap: number },
): void {
  if (gap === 0) {
    heap.copyWithin(to, from, from + lines * line)
    return
  }
  for (let i = 0, source = from, target = to; i < lines; i++, source += line, target += line + gap) {
    heap.copyWithin(target, source, source + line)
    if (i + 1 < lines) heap.fill(0, target + line, target + line + gap)
  }
}

/** sums[row, k] += Σ over positions, in tiles of 2 rows by 4 channels: 6 loads for 8 products, the fastest of the tiles tried. */
function addProducts(
  { rows, positions }: Planes,
  runs: Float32Array,
  spread: Float32Array,
  channels: number,
  sums: Float64Array,
): void {
  for (let m = 0; m < rows.length; m += 2) {
    const second = Math.min(m + 1, rows.length - 1)
    const r0 = rows[m]!
    const r1 = rows[second]!
    for (let k = 0; k < channels; k += 4) {
      const k0 = k * positions
      const k1 = k0 + positions
      const k2 = k1 + positions
      const k3 = k2 + positions
      let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0]
      for (let l = 0; l < positions; l++) {
        const u = runs[r0 + l]!
        const v = runs[r1 + l]!
        const d0 = spread[k0 + l]!
        const d1 = spread[k1 + l]!
        const d2 = spread[k2 + l]!
        const d3 = spread[k3 + l]!
        a0 += u * d0
        a1 += u * d1
        a2 += u * d2
        a3 += u * d3
        b0 += v * d0
        b1 += v * d1
        b2 += v * d2
        b3 += v * d3
      }
      const first = m * channels + k
      sums[first]! += a0
      sums[first + 1]! += a1
      sums[first + 2]! += a2
      sums[first + 3]! += a3
      if (second === m) continue
      const next = first + channels
      sums[next]! += b0
      sums[next + 1]! += b1
      sums[next + 2]! += b2
      sums[next + 3]! += b3
    }
  }
}
