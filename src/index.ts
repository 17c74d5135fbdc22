// biome-ignore-all assist/source/organizeImports: grouped for its readers
// The public names, grouped; no logic.

// Training into flat minima.
export { nso, oneSided, sam } from './optimizers/factories.ts'
export { adam, adamw, lion, momentum, nesterov, rmsprop, sgd } from './optimizers/factories.ts'
export { noBiasesOrNorms } from './optimizers/penalties.ts'
export type {
  AdamOptions,
  BaseOnlyOptions,
  BaseOptimizer,
  CommonOptions,
  DeviceOptions,
  LionOptions,
  MomentumOptions,
  RmsPropOptions,
} from './optimizers/factories.ts'
export { type BatchNormMode, FlatOptimizer } from './optimizers/optimizer.ts'
export type { GradientOptions } from './optimizers/base.ts'
export type { DistanceGroup, PenaltyOptions } from './optimizers/penalties.ts'
export type { NoiseOptions } from './estimators/noise.ts'
export type { SamOptions } from './estimators/sam.ts'
export type { Loss } from './grads/evaluate.ts'
export type { NamedTensor } from './optimizers/state.ts'
export {
  MinimizeError,
  type MinimizeOptions,
  type MinimizeResult,
  minimize,
  type StepReport,
} from './optimizers/minimize.ts'
export type { VectorGradient } from './grads/vector-gradient.ts'
export { reestimateBatchNorm } from './grads/re-estimate.ts'
export { abortable } from './callbacks/abortable.ts'

// Schedules: of the learning rate, sigma or rho.
export {
  constant,
  cosine,
  exponential,
  geometric,
  joined,
  linear,
  stepDecay,
  valueAt,
  warmup,
} from './schedules.ts'
export type { ScheduleDecay, ScheduleObject, SchedulePart, ScheduleSpan } from './types.ts'

// Saving and resuming.
export { checkpoint, type CheckpointOptions } from './callbacks/checkpoint.ts'
export { lastCheckpoint, resume, saveCheckpoint } from './io/checkpoints.ts'
export type { Resumed, SaveCheckpointOptions, Trainee } from './io/checkpoints.ts'
export type { SkippedFile } from './io/checkpoint-folder.ts'

// Data in an order that a resumed run sees again.
export { shuffled, type ShuffledOptions } from './callbacks/shuffled.ts'
export type { Place } from './data/place.ts'
export { type Batch, ShuffledBatches, shuffledBatches, type ShuffledBatchesOptions } from './data/shuffled-batches.ts'
export type { Tensors } from './data/shuffled-batches.ts'

// Watching a training.
export { curvature } from './callbacks/curvature.ts'
export { type Sharpness, type SharpnessOptions, sharpness } from './callbacks/sharpness.ts'
export { type TensorBoard, type TensorBoardOptions, tensorboard } from './callbacks/tensorboard.ts'
export { csvLog } from './callbacks/csv-log.ts'
export { type ProgressBarOptions, progressBar } from './callbacks/progress-bar.ts'
export type { Screen } from './callbacks/bar.ts'
export type { Hyperparameter } from './io/summary.ts'

// Seeing curvature.
export {
  type HessianOperator,
  hessian,
  type LossHessianOptions,
  type ModelHessianOptions,
  type ProductOptions,
  type StreamHessianOptions,
} from './curvature/hessian.ts'
export type { SelfCheck } from './curvature/self-check.ts'
export type { DataOptions } from './curvature/model-data.ts'
export {
  fisher,
  gaussNewton,
  type ModelOperatorOptions,
  type StreamOperatorOptions,
} from './curvature/gauss-newton.ts'
export { addOperators, blocksOf, scaleOperator, shiftOperator } from './curvature/algebra.ts'
export { type DenseOperator, dense } from './curvature/dense.ts'
export type { Batches, DataBatch } from './grads/stream.ts'
export { type Block, fromMatvec, type Operator } from './curvature/operator.ts'
export type { BlockTrace } from './curvature/tally.ts'
export { type HutchinsonTrace, type TraceOptions, trace } from './curvature/trace.ts'
export { type FunctionTrace, type TraceOfOptions, traceOf } from './curvature/trace-of.ts'
export { type Diagonal, type DiagonalOptions, diagonal } from './curvature/diagonal.ts'
export type { PlacedOptions } from './curvature/device.ts'
export type { Interval } from './curvature/interval.ts'
export type { ProbeDistribution } from './curvature/probes.ts'
export { AbortedError, type LongRunOptions, type Progress, type RunOptions } from './curvature/lanczos.ts'
export type { RunState, RunStore, RunVector } from './curvature/run-store.ts'
export { type RunFileOptions, runFile } from './io/run-file.ts'
export {
  type Moment,
  type Quadrature,
  type SpectralDensity,
  type SpectralDensityOptions,
  spectralDensity,
} from './curvature/spectral-density.ts'
export { type TopEigenvalues, type TopEigenvaluesOptions, topEigenvalues } from './curvature/top-eigenvalues.ts'
export {
  type LossNoiseStabilityOptions,
  type ModelNoiseStabilityOptions,
  type NoiseStability,
  type NoiseStabilityOptions,
  noiseStability,
  type StabilityPoint,
  type StreamNoiseStabilityOptions,
} from './curvature/noise-stability.ts'
export {
  type LossLossSliceOptions,
  type LossSlice,
  type LossSliceOptions,
  lossSlice,
  type ModelLossSliceOptions,
  type SliceAxis,
  type StreamLossSliceOptions,
} from './curvature/loss-slice.ts'
export {
  type ExampleTrace,
  type PerExampleTraces,
  type PerExampleTracesOptions,
  perExampleTraces,
} from './curvature/per-example-traces.ts'
export { type TraceBound, type TraceBoundInputs, type TraceBoundTerms, traceBound } from './curvature/trace-bound.ts'
export {
  type PublishedTraceBound,
  type PublishedTraceBoundInputs,
  publishedTraceBound,
} from './curvature/published-trace-bound.ts'
export {
  type LayerCurvature,
  type PublishedLambda1,
  type PublishedLambda1Options,
  publishedLambda1,
} from './curvature/published-lambda1.ts'
export type { LossSubjectOptions } from './curvature/subject.ts'
export type { Which } from './curvature/wanted.ts'
export type { Examples } from './grads/examples.ts'
export { type PerturbBatchOptions, perturbBatch } from './curvature/perturb-batch.ts'
export { type SmoothedTrace, type SmoothedTraceOptions, smoothedTrace } from './curvature/smoothed-trace.ts'

// Pictures and files of what was measured.
export { type Format, save } from './report/save.ts'
export { loadResult } from './report/json.ts'
export type { CurvatureResult, SliceOfLoss, StabilityCurve } from './report/curvature/results.ts'

// Arrays that numpy reads and writes.
export { decodeNpy, encodeNpy, type NpyArray, type NpyData, type NpyType } from './io/npy.ts'

// tfjs: repairs, useful on their own, and further copies.
export { registerKernels } from './grads/kernels/index.ts'
export { withSecondOrder } from './grads/second-order/index.ts'
export { type HasPrototype, type Registry, registerTfjs, type TfjsModule } from './optimizers/register-tfjs.ts'

// What everything shares.
export { type ErrorCode, SaltflatError } from './errors.ts'
export type { Device, Distribution, ParameterFilter, Schedule, TraceEstimate } from './types.ts'
