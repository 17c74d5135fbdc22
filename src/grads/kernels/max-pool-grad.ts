// dx[x] = Σ dy[y] over the windows y whose maximum lies at x, each channel for itself.
import { type PoolingKernels, poolingKernels } from './pooling.ts'
import { forEachWindow } from './windows.ts'

/**
 * Max-pool gradient of images and volumes. The stock wasm kernels start their running maximum at the smallest positive float, so
 * a window without a positive value gets no gradient; the stock cpu kernel for volumes mistakes the winner unless windows are as
 * high as wide, and the one for images is right but visits every window once per element. Here, as there: each window's dy goes to
 * one element, the first maximum in row order; NaN never wins; a window of nothing but NaN or −Infinity has no winner.
 */
export const maxPoolGrad: PoolingKernels = poolingKernels(({ windows, x, dy, dx, line, plane }) => {
  const channels = windows.inChannels
  forEachWindow(windows, ({ corner, depth, height, width }, y) => {
    const span = width * channels
    for (let c = 0; c < channels; c++) {
      let best = Number.NEGATIVE_INFINITY
      let winner = -1
      for (let k = 0, top = corner + c; k < depth; k++, top += plane)
        for (let i = 0, start = top; i < height; i++, start += line)
          for (let at = start; at < start + span; at += channels) {
            const value = x[at]!
            if (value > best) {
              best = value
              winner = at
            }
          }
      if (winner >= 0) dx[winner]! += dy[y + c]!
    }
  })
})
