// What tsc must infer of curvature, of `minimize` and of errors, and what it must refuse.
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs-core'
import type { CustomCallback, LayersModel } from '@tensorflow/tfjs-layers'
import {
  adam,
  curvature,
  type Distribution,
  type ErrorCode,
  type Loss,
  MinimizeError,
  type MinimizeResult,
  minimize,
  nso,
  type ParameterFilter,
  perturbBatch,
  reestimateBatchNorm,
  registerKernels,
  SaltflatError,
  type SmoothedTrace,
  type SmoothedTraceOptions,
  type StepReport,
  smoothedTrace,
  type TraceEstimate,
  type VectorGradient,
} from 'saltflat'
import { exactly } from './exact.ts'

declare const scalar: Scalar
declare const variables: Variable[]
declare const model: LayersModel
declare const images: Tensor

// On a plain vector.
const gradient: VectorGradient = (x) => ({ loss: x[0] ?? 0, gradient: x })
exactly<Promise<MinimizeResult>>()(minimize(gradient, new Float32Array(2), nso(adam()), { steps: 10 }))
minimize((x: Float32Array) => x, new Float32Array(2), adam(), { steps: 1, signal: AbortSignal.timeout(1) })
minimize(gradient, new Float32Array(2), adam(), {
  steps: 1,
  onStep: async (report) => exactly<StepReport>()(report),
})
// @ts-expect-error how many steps?
minimize(gradient, new Float32Array(2), adam(), {})
// @ts-expect-error numbers of the native side are f32
minimize(gradient, new Float64Array(2), adam(), { steps: 1 })
// @ts-expect-error optimizers of tfjs have no native state: wrap them
minimize(gradient, new Float32Array(2), { minimize: () => null }, { steps: 1 })
// @ts-expect-error a gradient is an f32 vector
minimize((x: Float32Array) => [...x], new Float32Array(2), adam(), { steps: 1 })

// Perturbed copies have the shape of what they were drawn from.
exactly<Float32Array[]>()(perturbBatch(new Float32Array(4), { sigma: 0.1, perturbations: 3, signs: 'both', seed: 1 }))
exactly<Float32Array[][]>()(perturbBatch([new Float32Array(4)], { sigma: [0.1, 0.2], distribution: 'laplace' }))
perturbBatch(new Float32Array(4), { sigma: 0.1, device: 'cuda' })
// @ts-expect-error no such device
perturbBatch(new Float32Array(4), { sigma: 0.1, device: 'gpu' })
// @ts-expect-error how far?
perturbBatch(new Float32Array(4), {})
// @ts-expect-error no such choice of signs
perturbBatch(new Float32Array(4), { sigma: 0.1, signs: 'negative' })
// @ts-expect-error plain numbers are not vectors
perturbBatch([1, 2, 3], { sigma: 0.1 })
exactly<'gaussian' | 'rademacher' | 'uniform' | 'laplace'>()('gaussian' as Distribution)

// Traces.
const loss: Loss = () => scalar
const options: SmoothedTraceOptions = { variables, sigma: 0.01, pairs: 8, filter: /kernel/ }
exactly<SmoothedTrace>()(smoothedTrace(loss, options))
const estimate: TraceEstimate = smoothedTrace(loss, options)
exactly<number>()(estimate.trace)
const filter: ParameterFilter = ['kernel', /bias$/]
smoothedTrace(loss, { variables, sigma: 0.01, filter })
// @ts-expect-error of which weights?
smoothedTrace(loss, { sigma: 0.01 })
// @ts-expect-error a loss is a function
smoothedTrace(scalar, { variables, sigma: 0.01 })
// @ts-expect-error a result is not to be changed
smoothedTrace(loss, options).trace = 0
exactly<CustomCallback>()(curvature(nso(adam())))
// @ts-expect-error only an optimizer of ours knows its curvature
curvature(model)

// Repairs.
exactly<number>()(reestimateBatchNorm(model, images, { batchSize: 32 }))
exactly<number>()(reestimateBatchNorm(model, [images, images]))
// @ts-expect-error a model and its inputs
reestimateBatchNorm(model)
// @ts-expect-error a misspelt option
reestimateBatchNorm(model, images, { batch: 32 })
exactly<void>()(registerKernels())
// @ts-expect-error it takes nothing
registerKernels('wasm')

// Errors narrow by their class, and their codes are known.
try {
  registerKernels()
} catch (error) {
  if (error instanceof MinimizeError) exactly<MinimizeResult>()(error.partial)
  if (error instanceof SaltflatError) {
    exactly<ErrorCode>()(error.code)
    if (error.code === 'ERR_NOT_FINITE') exactly<'ERR_NOT_FINITE'>()(error.code)
    // @ts-expect-error no such code
    if (error.code === 'ERR_NAN') registerKernels()
  }
}
new SaltflatError('ERR_SHAPE', 'text', { cause: new Error() })
// @ts-expect-error codes are stable names, not any text
new SaltflatError('ERR_SOMETHING', 'text')
