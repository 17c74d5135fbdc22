// What tsc must infer of measures of flatness, and what it must refuse.
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import {
  type AbortedError,
  type HutchinsonTrace,
  hessian,
  type LossSlice,
  lossSlice,
  type NoiseStability,
  noiseStability,
  type PerExampleTraces,
  type PublishedLambda1,
  type PublishedTraceBound,
  perExampleTraces,
  publishedLambda1,
  publishedTraceBound,
  type TraceBound,
  traceBound,
} from 'saltflat'
import { exactly } from './exact.ts'

declare const model: LayersModel
declare const x: Tensor
declare const y: Tensor
declare const scalar: Scalar
declare const variables: Variable[]
declare const estimate: HutchinsonTrace

// Stability under noise.
exactly<Promise<NoiseStability>>()(
  noiseStability(model, x, y, { sigmas: [0.1], samples: 8, seed: 1, distribution: 'laplace', batchSize: 32 }),
)
exactly<Promise<NoiseStability>>()(
  noiseStability(() => scalar, { variables, sigmas: [0.1], trace: estimate, filter: /kernel/ }),
)
noiseStability(model, [x, x], [y], { sigmas: [0.1], trace: false, onProgress: ({ etaMs }) => exactly<number>()(etaMs) })
// Data in batches: an array, a dataset, a function.
declare const dataset: { iterator(): Promise<{ next(): Promise<IteratorResult<{ xs: Tensor; ys: Tensor }>> }> }
exactly<Promise<NoiseStability>>()(noiseStability(model, dataset, { sigmas: [0.1], training: true }))
exactly<Promise<NoiseStability>>()(noiseStability(model, () => dataset, { sigmas: [0.1], filter: /kernel/ }))
exactly<Promise<LossSlice>>()(lossSlice(model, [{ xs: x, ys: y }]))
exactly<Promise<LossSlice>>()(lossSlice(model, dataset, { directions: 2, signal: AbortSignal.timeout(1) }))
// @ts-expect-error batches are cut by whoever gives them
noiseStability(model, dataset, { sigmas: [0.1], batchSize: 3 })
// @ts-expect-error batches are cut by whoever gives them
lossSlice(model, dataset, { batchSize: 3 })
// @ts-expect-error how large is the noise?
noiseStability(model, x, y, {})
// @ts-expect-error of which weights?
noiseStability(() => scalar, { sigmas: [0.1] })
// @ts-expect-error several sizes
noiseStability(model, x, y, { sigmas: 0.1 })
// @ts-expect-error a trace, or none
noiseStability(model, x, y, { sigmas: [0.1], trace: true })
// @ts-expect-error no such shape
noiseStability(model, x, y, { sigmas: [0.1], distribution: 'cauchy' })

// Slices of the loss.
exactly<Promise<LossSlice>>()(lossSlice(model, x, y))
exactly<Promise<LossSlice>>()(lossSlice(model, x, y, { directions: 2, points: 11, vectors: 'normalize' }))
exactly<Promise<LossSlice>>()(lossSlice(() => scalar, { variables, directions: [new Float32Array(3)] }))
// @ts-expect-error a plane at most
lossSlice(model, x, y, { directions: 3 })
// @ts-expect-error of which weights?
lossSlice(() => scalar, { points: 5 })
// @ts-expect-error no such way
lossSlice(model, x, y, { normalize: 'layer' })

// Bounds, and what they are made of.
exactly<Promise<PerExampleTraces>>()(perExampleTraces(model, x, y, { probes: 4, filter: 'kernel' }))
// @ts-expect-error each example is a batch
perExampleTraces(model, x, y, { batchSize: 4 })
exactly<TraceBound>()(traceBound({ loss: 0, trace: 1, radius: 1, examples: 10, ceiling: 1, transfer: 1 }))
// @ts-expect-error how many examples?
traceBound({ loss: 0, trace: 1, radius: 1, ceiling: 1 })
exactly<PublishedTraceBound>()(publishedTraceBound({ traces: [1], norms: [1], ceiling: 1, examples: 10 }))
// @ts-expect-error one a layer
publishedTraceBound({ traces: 1, norms: 1, ceiling: 1, examples: 10 })
exactly<Promise<PublishedLambda1>>()(publishedLambda1(hessian(model, x, y), { iterations: 10 }))
// @ts-expect-error an operator, not a model
publishedLambda1(model)

// What there was before an abort.
declare const aborted: AbortedError<NoiseStability>
exactly<NoiseStability | null>()(aborted.partial)
// @ts-expect-error a result is not to be changed
aborted.partial!.loss = 0
