// What tsc must infer of operators and of what is measured on them, and what it must refuse.
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import {
  AbortedError,
  addOperators,
  blocksOf,
  type DenseOperator,
  type Diagonal,
  dense,
  diagonal,
  type FunctionTrace,
  fisher,
  fromMatvec,
  gaussNewton,
  type HessianOperator,
  type HutchinsonTrace,
  hessian,
  type Operator,
  type PlacedOptions,
  type RunState,
  type RunStore,
  type RunVector,
  runFile,
  type SpectralDensity,
  scaleOperator,
  shiftOperator,
  spectralDensity,
  type TopEigenvalues,
  topEigenvalues,
  trace,
  traceOf,
  withSecondOrder,
} from 'saltflat'
import { exactly } from './exact.ts'

declare const model: LayersModel
declare const x: Tensor
declare const y: Tensor
declare const scalar: Scalar
declare const variables: Variable[]

// Operators: of a model on examples, of a loss of one's own, of any symmetric product.
const H = hessian(model, x, y, { batchSize: 32, filter: 'kernel', training: false })
exactly<HessianOperator>()(H)
exactly<HessianOperator>()(hessian(model, [x, x], [y]))
exactly<HessianOperator>()(hessian(model, { left: x, right: x }, { one: y }))
// @ts-expect-error tensors by name
hessian(model, { left: [1, 2] }, y)
exactly<HessianOperator>()(hessian(() => scalar, { variables }))
exactly<Operator>()(fromMatvec(3, (v) => v))
exactly<Operator>()(fromMatvec(3, async (v) => v))
// @ts-expect-error of which weights?
hessian(() => scalar)
// @ts-expect-error a misspelt option
hessian(model, x, y, { batchsize: 32 })
// @ts-expect-error examples are inputs and targets
hessian(model, x)
// Data in batches: an array, a dataset, a function.
declare const dataset: { iterator(): Promise<{ next(): Promise<IteratorResult<{ xs: Tensor; ys: Tensor }>> }> }
exactly<HessianOperator>()(hessian(model, [{ xs: x, ys: y }], { signal: AbortSignal.timeout(1), method: 'difference' }))
exactly<HessianOperator>()(hessian(model, dataset))
exactly<HessianOperator>()(hessian(model, () => dataset, { onProgress: ({ total }) => exactly<number>()(total) }))
exactly<Operator>()(gaussNewton(model, x, y, { filter: /kernel$/, check: false }))
exactly<Operator>()(fisher(model, [{ xs: { a: x }, ys: [y] }]))
// @ts-expect-error batches are cut by whoever gives them
hessian(model, [{ xs: x, ys: y }], { batchSize: 3 })
// @ts-expect-error layers are as at inference
fisher(model, x, y, { training: true })
exactly<Operator>()(addOperators(scaleOperator(H, 2), shiftOperator(gaussNewton(model, x, y), 0.1)))
exactly<Operator[]>()(blocksOf(H))
exactly<Promise<DenseOperator>>()(dense(H))
// @ts-expect-error a factor
scaleOperator(H)
// @ts-expect-error a product is an f32 vector
fromMatvec(3, (v) => [...v])

// What is measured.
exactly<Promise<HutchinsonTrace>>()(trace(H, { probes: 8, seed: 1 }))
exactly<Promise<HutchinsonTrace>>()(trace(H, { method: 'hutch++', distribution: 'gaussian', tolerance: 0.01 }))
exactly<Promise<FunctionTrace>>()(traceOf(H, Math.exp, { probes: 4, steps: 20 }))
exactly<Promise<Diagonal>>()(diagonal(H, { probes: 4 }))
exactly<Promise<Diagonal>>()(diagonal(H, { method: 'exact' }))
// @ts-expect-error no such method
trace(H, { method: 'hutch+' })
// @ts-expect-error of which function?
traceOf(H)
// @ts-expect-error a number for a number
traceOf(H, (one: string) => one)
// @ts-expect-error its probes are ±1
diagonal(H, { distribution: 'gaussian' })
exactly<Promise<TopEigenvalues>>()(topEigenvalues(H, { count: 5, which: 'magnitude', vectors: true }))
exactly<Promise<SpectralDensity>>()(spectralDensity(H, { probes: 4, steps: 30, points: 100 }))
trace(H, { signal: AbortSignal.timeout(1), onProgress: ({ done }) => exactly<number>()(done) })

// Where vectors lie.
exactly<'auto' | 'cpu' | 'cuda' | undefined>()(({} as PlacedOptions).device)
trace(H, { method: 'hutch++', device: 'cuda' })
traceOf(H, Math.exp, { device: 'cpu' })
topEigenvalues(H, { device: 'auto' })
spectralDensity(H, { device: 'cuda' })
// @ts-expect-error no such device
topEigenvalues(H, { device: 'gpu' })
// @ts-expect-error it keeps no vectors of its own
diagonal(H, { device: 'cuda' })

// A long run goes on from a file, or from wherever one likes.
const store = runFile('top.safetensors', { every: 50 })
exactly<RunStore>()(store)
topEigenvalues(H, { which: 'both', basis: 40, verify: false, checkpoint: store })
trace(H, { method: 'hutch++', checkpoint: store })
spectralDensity(H, { checkpoint: { every: 1, load: () => null, save: async ({ vectors }) => void vectors.length } })
traceOf(H, Math.exp, { checkpoint: store })
diagonal(H, { checkpoint: store })
exactly<readonly RunVector[]>()(({} as RunState).vectors)
exactly<Float32Array | Float64Array>()({} as RunVector)
// @ts-expect-error a store says how often
topEigenvalues(H, { checkpoint: { load: () => null, save() {} } })
// @ts-expect-error no store, a path
topEigenvalues(H, { checkpoint: 'top.safetensors' })
// @ts-expect-error nor is a path one here
trace(H, { checkpoint: 'trace.safetensors' })
// @ts-expect-error a misspelt option
runFile('top.safetensors', { evry: 1 })
// @ts-expect-error an operator, not a model
trace(model)
// @ts-expect-error no such option
trace(H, { count: 5 })
// @ts-expect-error no such end of the spectrum
topEigenvalues(H, { which: 'top' })
// @ts-expect-error a number of steps
spectralDensity(H, { steps: '30' })

// What was found before an abort, and gradients of gradients.
try {
  exactly<number>()(withSecondOrder(() => 1 as number))
} catch (error) {
  if (error instanceof AbortedError) exactly<string>()(error.message)
}
declare const aborted: AbortedError<HutchinsonTrace>
exactly<HutchinsonTrace | null>()(aborted.partial)
// @ts-expect-error it takes a function
withSecondOrder(1)
