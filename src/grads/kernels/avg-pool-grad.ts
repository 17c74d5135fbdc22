// dx[x] = Σ dy[y] / (elements of window y) over the windows y that hold x, each channel for itself.
import { type PoolingKernels, poolingKernels } from './pooling.ts'
import { forEachWindow } from './windows.ts'

/**
 * Average-pool gradient of images and volumes. The forward kernels divide by the elements of a window without its padding; the stock
 * gradients of cpu and wasm by the whole window, so that elements near a padded edge get too little.
 */
export const avgPoolGrad: PoolingKernels = poolingKernels(({ windows, dy, dx, line, plane }) => {
  const channels = windows.inChannels
  forEachWindow(windows, ({ corner, depth, height, width }, y) => {
    const share = 1 / (depth * height * width)
    const span = width * channels
    for (let k = 0, top = corner; k < depth; k++, top += plane)
      for (let i = 0, start = top; i < height; i++, start += line)
        for (let at = start; at < start + span; at += channels)
          for (let c = 0; c < channels; c++) dx[at + c]! += dy[y + c]! * share
  })
})
