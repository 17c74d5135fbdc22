// For the gradient tfjs keeps clones of what an operation took and gave, where its formula needs them: of a dense layer the whole
// kernel. A clone shares its values with the tensor it was made from on every backend but wasm, which copies them.
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { stockKernel } from './stock.ts'

/** A tensor on the same values, which are freed with the last of those that share them. */
export const wasmIdentity: KernelFunc = (params) => {
  const { dataId, shape, dtype } = params.inputs.x as TensorInfo
  // tfjs would subtract the bytes of strings once for each that shares them.
  if (dtype === 'string') return stockKernel('Identity', 'wasm')(params)
  const wasm = params.backend as { incRef(dataId: object): void }
  wasm.incRef(dataId)
  return { dataId, shape, dtype }
}
