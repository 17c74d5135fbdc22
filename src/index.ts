// Training into flat minima.

// Seeing curvature.
export { curvature } from './callbacks/curvature.ts'
export { type SmoothedTraceOptions, smoothedTrace } from './curvature/smoothed-trace.ts'
// What everything shares.
export { type ErrorCode, SaltflatError } from './errors.ts'
export type { NoiseOptions } from './estimators/noise.ts'
export type { SamOptions } from './estimators/sam.ts'
// tfjs repairs, useful on their own.
export { registerKernels } from './grads/kernels/index.ts'
export {
  type AdamOptions,
  type AdamWOptions,
  adam,
  adamw,
  type BaseOptimizer,
  type CommonOptions,
  momentum,
  nso,
  oneSided,
  sam,
  sgd,
} from './optimizers/factories.ts'
export { type BatchNormMode, FlatOptimizer } from './optimizers/optimizer.ts'
export type { Distribution, ParameterFilter, Schedule, TraceEstimate } from './types.ts'
