import {
  backend_util,
  engine,
  equal,
  logicalAnd,
  logicalNot,
  pad,
  stridedSlice,
  type Tensor,
  where,
  zerosLike,
} from '@tensorflow/tfjs-core'
import { selectedByTensorFlow } from './max-pool-tensorflow.ts'

type Attributes = Record<string, unknown>

/** The windows of a pooling kernel, as its attributes give them. */
interface Windows {
  /** Extent of a window in each spatial dimension, and the way from one to the next. */
  readonly extent: readonly number[]
  readonly strides: readonly number[]
  /** Number of windows in each spatial dimension. */
  readonly counts: readonly number[]
  /** Padding before and after, in each spatial dimension. */
  readonly padding: readonly [number, number][]
}

/** Average pooling is its own gradient's adjoint. */
export function averaged2d(u: Tensor, _saved: Tensor[], attributes: Attributes): Tensor {
  return engine().runKernel('AvgPool', { x: u }, attributes as never) as Tensor
}

/** The same in three dimensions. */
export function averaged3d(u: Tensor, _saved: Tensor[], attributes: Attributes): Tensor {
  return engine().runKernel('AvgPool3D', { x: u }, { dataFormat: 'NDHWC', ...attributes } as never) as Tensor
}

/**
 * u where each window has its maximum: max pooling sends a gradient there, so this is the way back. Where two elements of
 * a window are equal the first is taken.
 */
export function selected(u: Tensor, saved: Tensor[], attributes: Attributes): Tensor {
  const [, input, output] = saved
  if (input!.rank === 4 && engine().backendName === 'tensorflow') return selectedByTensorFlow(u, saved, attributes)
  const { extent, strides, counts, padding } = windows(input!, attributes)
  const pads: [number, number][] = [[0, 0], ...padding, [0, 0]]
  const needed = padding.some(([before, after]) => before + after > 0)
  // Nothing is as small as the padding, so no window takes it unless nothing else is in it.
  const values = needed ? pad(input!, pads, -3.4028234663852886e38) : input!
  const upstream = needed ? pad(u, pads) : u
  let found = zerosLike(output!)
  let open = equal(output!, output!)
  for (const offset of offsets(extent)) {
    const [begin, end, step] = [[0], [values.shape[0]!], [1]]
    for (const [axis, start] of offset.entries()) {
      begin.push(start)
      end.push(start + (counts[axis]! - 1) * strides[axis]! + 1)
      step.push(strides[axis]!)
    }
    begin.push(0)
    end.push(values.shape.at(-1)!)
    step.push(1)
    const here = logicalAnd(equal(stridedSlice(values, begin, end, step), output!), open)
    found = where(here, stridedSlice(upstream, begin, end, step), found)
    open = logicalAnd(open, logicalNot(here))
  }
  return found
}

function windows({ shape, rank }: Tensor, attributes: Attributes): Windows {
  const { filterSize, strides, pad: padMode, dimRoundingMode } = attributes as never
  if (rank === 5) {
    const found = backend_util.computePool3DInfo(shape as never, filterSize, strides, 1, padMode, dimRoundingMode)
    const { front, back, top, bottom, left, right } = found.padInfo
    return {
      extent: [found.filterDepth, found.filterHeight, found.filterWidth],
      strides: [found.strideDepth, found.strideHeight, found.strideWidth],
      counts: [found.outDepth, found.outHeight, found.outWidth],
      padding: [
        [front, back],
        [top, bottom],
        [left, right],
      ],
    }
  }
  const found = backend_util.computePool2DInfo(shape as never, filterSize, strides, 1, padMode, dimRoundingMode)
  const { top, bottom, left, right } = found.padInfo
  return {
    extent: [found.filterHeight, found.filterWidth],
    strides: [found.strideHeight, found.strideWidth],
    counts: [found.outHeight, found.outWidth],
    padding: [
      [top, bottom],
      [left, right],
    ],
  }
}

/** Every place in a window, the last dimension fastest. */
function offsets(extent: readonly number[]): number[][] {
  return extent.reduce<number[][]>(
    (all, length) => all.flatMap((one) => Array.from({ length }, (_, i) => [...one, i])),
    [[]],
  )
}
