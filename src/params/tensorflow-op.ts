import { type Tensor, tensor1d } from '@tensorflow/tfjs-core'
import { loadBinding } from '../native/index.ts'

/** Calls our op in TensorFlow, which tells the native side where tensors lie. */
export type Places = (tensors: readonly Tensor[]) => number

/** The op at work, or why it is not. */
export type PlacesFound = { readonly places: Places } | { readonly reason: string }

interface Executor {
  isUsingGpuDevice: boolean
  binding: { TF_ATTR_INT: number; executeOp(name: string, attributes: object[], inputs: number[], outputs: 0): unknown }
  getInputTensorIds(tensors: readonly Tensor[]): number[]
}

const known = new WeakMap<object, PlacesFound>()

/**
 * The op that lets native passes read gradients in TensorFlow's own memory. It is tried once a backend, on numbers with a
 * known sum of squares: another TensorFlow in the process, or an executor on another thread, and gradients are copied. Not
 * where TensorFlow computes on a GPU: an op of the CPU's must not be given addresses of the GPU's.
 */
export function findPlaces(backend: object): PlacesFound {
  if ((backend as Executor).isUsingGpuDevice) return { reason: 'TensorFlow computes on a GPU' }
  let found = known.get(backend)
  if (found === undefined) {
    found = tried(backend as Executor)
    known.set(backend, found)
  }
  return found
}

function tried(backend: Executor): PlacesFound {
  let values: Tensor | null = null
  try {
    values = tensor1d([1, 2, 3])
    const places = opened(backend)
    const first = places([values])
    const [sum] = first < 0 ? [Number.NaN] : sumOfSquares(first, values.size)
    return sum === 14 ? { places } : { reason: 'TensorFlow runs the op on another thread' }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  } finally {
    values?.dispose()
  }
}

function opened(backend: Executor): Places {
  const { binding } = backend
  const { tensorflowOp, tensorflowPlaces } = loadBinding()
  const op = tensorflowOp()
  const count = { name: 'N', type: binding.TF_ATTR_INT, value: 0 }
  const attributes = [count]
  return (tensors) => {
    count.value = tensors.length
    binding.executeOp(op, attributes, backend.getInputTensorIds(tensors), 0)
    return tensorflowPlaces(tensors.length)
  }
}

function sumOfSquares(place: number, size: number): number[] {
  const workspace = new (loadBinding().Workspace)([size], 'sgd', { sums: 0 })
  try {
    return workspace.norms({ last: 1, pair: 0, metric: 'plain' }, [place])
  } finally {
    workspace.dispose()
  }
}
