import { type KernelBackend, type KernelFunc, type TensorInfo, tensor } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../../errors.ts'
import { dispose, type Executor } from './executor.ts'
import { cpuMemory, type Memory, wasmMemory } from './memory.ts'
import type { Replacement } from './table.ts'

/** One call of a kernel, small enough to cost microseconds, on which the known faults show. */
export interface Trial {
  readonly inputs: { readonly [name: string]: readonly number[] }
  readonly attrs: object
  /** Inputs of whole numbers, in place of those that `samples` makes. */
  readonly ids?: { readonly [name: string]: readonly number[] }
}

const conv = { strides: [1, 2], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }
const conv2d = { ...conv, filterShape: [2, 3, 2, 3], inputShape: [2, 3, 4, 2] }
// TensorFlow, which the tests ask too, wants equal strides here.
const depthwise = { ...conv, strides: [2, 2], filterShape: [2, 3, 2, 2], inputShape: [2, 3, 4, 2] }
const conv3d = { strides: [1, 2, 1], pad: 'same', filterShape: [2, 1, 2, 2, 3], inputShape: [1, 2, 3, 2, 2] }
const pool2d = { dy: [2, 2, 2, 2], input: [2, 3, 4, 2] }
const pool3d = { dy: [1, 2, 2, 1, 2], input: [1, 3, 3, 2, 2] }
const pooling = { filterSize: 3, strides: 2, pad: 'same' }
const pooling3d = { filterSize: [1, 3, 2], strides: [2, 2, 2], pad: 'same' }
// Up along one axis and down along the other, two images, unequal sides.
const resize = { dy: [2, 5, 3, 2], images: [2, 3, 4, 2] }
const resizings: Trial[] = [
  { inputs: resize, attrs: { alignCorners: false, halfPixelCenters: false, size: [5, 3] } },
  { inputs: resize, attrs: { alignCorners: true, halfPixelCenters: false, size: [5, 3] } },
  { inputs: resize, attrs: { alignCorners: false, halfPixelCenters: true, size: [5, 3] } },
  {
    inputs: { dy: [1, 3, 2, 1], images: [1, 1, 1, 1] },
    attrs: { alignCorners: true, halfPixelCenters: false, size: [3, 2] },
  },
]

/** What each kernel is tried on. The answers are those of our kernels, which the tests hold against differences. */
export const trials: { readonly [kernelName: string]: readonly Trial[] } = {
  AvgPool3DGrad: [{ inputs: pool3d, attrs: pooling3d }],
  AvgPoolGrad: [{ inputs: pool2d, attrs: pooling }],
  BatchMatMul: [
    { inputs: { a: [3, 2], b: [3, 4] }, attrs: { transposeA: true, transposeB: false } },
    { inputs: { a: [2, 3], b: [4, 3] }, attrs: { transposeA: false, transposeB: true } },
  ],
  Conv2DBackpropFilter: [{ inputs: { x: [2, 3, 4, 2], dy: [2, 3, 2, 3] }, attrs: conv2d }],
  Conv2DBackpropInput: [{ inputs: { dy: [2, 3, 2, 3], filter: [2, 3, 2, 3] }, attrs: conv2d }],
  Conv3DBackpropFilterV2: [{ inputs: { x: [1, 2, 3, 2, 2], dy: [1, 2, 2, 2, 3] }, attrs: conv3d }],
  Conv3DBackpropInputV2: [{ inputs: { dy: [1, 2, 2, 2, 3], filter: [2, 1, 2, 2, 3] }, attrs: conv3d }],
  DepthwiseConv2dNativeBackpropFilter: [{ inputs: { x: [2, 3, 4, 2], dy: [2, 2, 2, 4] }, attrs: depthwise }],
  DepthwiseConv2dNativeBackpropInput: [{ inputs: { dy: [2, 2, 2, 4], filter: [2, 3, 2, 2] }, attrs: depthwise }],
  Identity: [{ inputs: { x: [5, 3] }, attrs: {} }],
  MaxPool3D: [{ inputs: { x: pool3d.input }, attrs: pooling3d }],
  MaxPool3DGrad: [{ inputs: { ...pool3d, output: [1, 2, 2, 1, 2] }, attrs: pooling3d }],
  MaxPoolGrad: [{ inputs: { ...pool2d, output: [2, 2, 2, 2] }, attrs: pooling }],
  ResizeBilinearGrad: resizings,
  ResizeNearestNeighborGrad: resizings,
  Step: [{ inputs: { x: [5, 13] }, attrs: { alpha: 0 } }],
  UnsortedSegmentSum: [{ inputs: { x: [5, 2] }, ids: { segmentIds: [2, 0, 2, -1, 3] }, attrs: { numSegments: 4 } }],
}

/** `size` unequal multiples of 1/32, three of four of them negative. */
export function samples(size: number, seed: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (((i * 37 + seed * 11) % 64) - 48) / 32)
}

/** Float32 sums in another order, and no more. */
const TOLERANCE = 1e-5

/** Does `stock` compute on every trial what the replacement does? Leaves no tensor behind. */
export function agrees(stock: KernelFunc, replacement: Replacement, backend: object): boolean {
  const tensors = tensorsOf[replacement.backendName](backend)
  return (trials[replacement.kernelName] ?? []).every((trial) => {
    const expected = resultOf(replacement.kernelFunc, trial, tensors, backend)
    try {
      return equal(resultOf(stock, trial, tensors, backend), expected)
    } catch (error) {
      // A full heap says nothing of the kernel.
      if (error instanceof SaltflatError) throw error
      return false
    }
  })
}

/** The tensors of a trial. */
interface Tensors {
  make(values: Float32Array | Int32Array, shape: readonly number[], dtype: 'float32' | 'int32'): TensorInfo
  read(info: TensorInfo): ArrayLike<number>
  dispose(info: TensorInfo): void
}

/** How they are made on each backend. */
const tensorsOf: { readonly [name in Replacement['backendName']]: (backend: object) => Tensors } = {
  cpu: (backend) => inMemory(cpuMemory(backend)),
  tensorflow: known,
  wasm: (backend) => inMemory(wasmMemory(backend)),
}

function inMemory(memory: Memory): Tensors {
  return {
    make(values, shape, dtype) {
      const info = memory.make(shape, dtype)
      memory.values(info).set(values)
      return info
    },
    read: (info) => memory.values(info).slice(),
    dispose: (info) => memory.dispose(info),
  }
}

/** tfjs-node's own kernels are made of operations, which take tensors that the engine knows. */
function known(backend: object): Tensors {
  return {
    make: (values, shape, dtype) => tensor(values, [...shape], dtype),
    read: ({ dataId }) => (backend as KernelBackend).readSync(dataId) as Float32Array,
    dispose: (info) => dispose(backend as Executor, info),
  }
}

interface Result {
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
}

function resultOf(kernelFunc: KernelFunc, { inputs, ids = {}, attrs }: Trial, on: Tensors, backend: object): Result {
  const tensors: Record<string, TensorInfo> = {}
  const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1)
  const disposable: TensorInfo[] = []
  const make = (name: string, ...given: Parameters<Tensors['make']>) => {
    tensors[name] = on.make(...given)
    disposable.push(tensors[name])
  }
  try {
    for (const [seed, [name, shape]] of Object.entries(inputs).entries()) {
      make(name, samples(size(shape), seed), shape, 'float32')
    }
    for (const [name, values] of Object.entries(ids)) make(name, Int32Array.from(values), [values.length], 'int32')
    const made = kernelFunc({ inputs: tensors, backend, attrs: attrs as never })
    const results = Array.isArray(made) ? made : [made]
    disposable.push(...results)
    return { shape: results[0]!.shape, values: on.read(results[0]!) }
  } finally {
    for (const info of disposable) on.dispose(info)
  }
}

function equal(actual: Result, expected: Result): boolean {
  const { shape, values } = expected
  if (actual.shape.length !== shape.length || shape.some((n, axis) => actual.shape[axis] !== n)) return false
  const largest = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  // Written so that a NaN is unequal.
  return Array.from(values).every((value, i) => Math.abs(value - actual.values[i]!) <= TOLERANCE * largest)
}
