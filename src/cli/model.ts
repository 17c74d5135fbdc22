import { initializers, layers, type Sequential, sequential } from '@tensorflow/tfjs-layers'

/**
 * The small convolutional net of the main job, 52,138 parameters: two 3×3 convolutions (8 and 16 channels, same
 * padding, relu) with 2×2 max pooling, a dense layer of 64 (relu) and ten softmax outputs, on 28×28×1.
 * The initial weights depend on `seed` only: Glorot uniform kernels, zero biases, the same bits on every backend.
 */
export function convNet(seed: number): Sequential {
  let drawn = 0
  // tfjs reads seed 0 as "none", hence the 1; its generator takes one number, so layers count up from the seed.
  const kernelInitializer = () => initializers.glorotUniform({ seed: 1 + 4 * seed + drawn++ })
  const convolution = (filters: number, inputShape?: [number, number, number]) =>
    layers.conv2d({
      filters,
      kernelSize: 3,
      padding: 'same',
      activation: 'relu',
      kernelInitializer: kernelInitializer(),
      ...(inputShape && { inputShape }),
    })
  return sequential({
    layers: [
      convolution(8, [28, 28, 1]),
      layers.maxPooling2d({ poolSize: 2 }),
      convolution(16),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 64, activation: 'relu', kernelInitializer: kernelInitializer() }),
      layers.dense({ units: 10, activation: 'softmax', kernelInitializer: kernelInitializer() }),
    ],
  })
}
