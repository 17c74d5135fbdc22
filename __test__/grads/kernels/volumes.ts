import { sizeOf } from './helper.ts'

export type Pad = 'same' | 'valid' | number

/** One axis of windows, worked out from the definitions, not with tfjs. `before` is negative where the first elements are passed over. */
export interface Axis {
  size: number
  out: number
  window: number
  stride: number
  before: number
}

/**
 * The padding of one axis. With a stride longer than the window, `same` may need less than none: for images it is then none,
 * but in volumes tfjs passes over the first elements, forward as well, where TensorFlow does not.
 */
export function axisOf(size: number, window: number, stride: number, pad: Pad, volume: boolean): Axis {
  if (pad === 'same') {
    const out = Math.ceil(size / stride)
    return {
      size,
      out,
      window,
      stride,
      before: Math.floor(Math.max(volume ? -Infinity : 0, (out - 1) * stride + window - size) / 2),
    }
  }
  const before = pad === 'valid' ? 0 : pad
  return { size, out: Math.floor((size + 2 * before - window) / stride) + 1, window, stride, before }
}

/** Visits, for one example, every element of every window: output and input position, tap, all flat without channels. */
export function forEachElement(axes: readonly Axis[], visit: (y: number, x: number, tap: number) => void): void {
  const walk = (axis: number, y: number, x: number, tap: number): void => {
    if (axis === axes.length) {
      visit(y, x, tap)
      return
    }
    const { size, out, window, stride, before } = axes[axis]!
    for (let o = 0; o < out; o++)
      for (let t = 0; t < window; t++) {
        const at = o * stride + t - before
        if (at >= 0 && at < size) walk(axis + 1, y * out + o, x * size + at, tap * window + t)
      }
  }
  walk(0, 0, 0, 0)
}

export const outputOf = (axes: readonly Axis[]): number => sizeOf(axes.map(({ out }) => out))
export const inputOf = (axes: readonly Axis[]): number => sizeOf(axes.map(({ size }) => size))
