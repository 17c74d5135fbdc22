// The wasm backend multiplies in XNNPACK only when neither operand is transposed; otherwise it falls back to a scalar loop, ten to
// twenty times slower. Both gradients of a dense layer, xᵀ·dy and dy·Wᵀ, are such products. XNNPACK packs the right operand and
// keeps it so under the id of its values, whatever shape they come in next: a reshaped tensor has the same id, and so has a clone.
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { wasmMemory } from './memory.ts'
import { stockKernel } from './stock.ts'

/**
 * Matrix products on wasm, by way of the stock kernel for untransposed ones. A right operand in another shape than its values
 * were made in is copied, so that no product here packs them for two shapes. Batches go to the stock kernel as they come.
 */
export const wasmBatchMatMul: KernelFunc = (params) => {
  const stock = stockKernel('BatchMatMul', 'wasm')
  const { a, b } = params.inputs as { a: TensorInfo; b: TensorInfo }
  const { transposeA, transposeB } = params.attrs as unknown as { transposeA: boolean; transposeB: boolean }
  if (!isMatrix(a) || !isMatrix(b)) return stock(params)

  const { backend } = params
  const memory = wasmMemory(backend)
  const transposeKernel = stockKernel('Transpose', 'wasm')
  const left = a.shape.slice(-2) as [number, number]
  const right = b.shape.slice(-2) as [number, number]
  // Wrong sizes: the stock kernel has the message for them.
  if (left[transposeA ? 0 : 1] !== right[transposeB ? 1 : 0]) return stock(params)
  if (!(transposeA || transposeB) && shapeMade(backend, b).at(-2) === right[0]) return stock(params)
  const rows = left[transposeA ? 1 : 0]
  const columns = right[transposeB ? 0 : 1]

  const transpose = (x: TensorInfo, shape: [number, number]): TensorInfo =>
    transposeKernel({ inputs: { x: { ...x, shape } }, backend, attrs: { perm: [1, 0] } }) as TensorInfo
  const copy = (x: TensorInfo, shape: [number, number]): TensorInfo => {
    const y = memory.make(shape)
    memory.values(y).set(memory.values(x))
    return y
  }
  // So the right operand is always a tensor of our own: fresh, and gone afterwards.
  const product = (x: TensorInfo, shape: [number, number], own: TensorInfo): TensorInfo => {
    const y = stock({
      inputs: { a: { ...x, shape }, b: own },
      backend,
      attrs: { transposeA: false, transposeB: false },
    }) as TensorInfo
    memory.dispose(own)
    return y
  }
  // Packing costs more per element than anything else here: turn the product round, (b·aᵀ)ᵀ, where aᵀ is the smaller one to pack.
  const turned = transposeB && (transposeA || rows < columns)
  let result: TensorInfo
  if (turned) {
    const other = product(b, right, transposeA ? copy(a, left) : transpose(a, left))
    result = transpose(other, [columns, rows])
    memory.dispose(other)
  } else if (transposeA) {
    const own = copy(b, right)
    const x = transpose(a, left)
    result = product(x, [rows, left[0]], own)
    memory.dispose(x)
  } else result = product(a, left, (transposeB ? transpose : copy)(b, right))
  const outer = a.shape.length > b.shape.length ? a.shape : b.shape
  return { ...result, shape: [...outer.slice(0, -2), rows, columns] }
}

/** The shape in which the values of a tensor were made, whichever it has now. */
function shapeMade(backend: object, { dataId }: TensorInfo): readonly number[] {
  return (backend as { dataIdMap: { get(id: object): { shape: readonly number[] } } }).dataIdMap.get(dataId).shape
}

function isMatrix({ dtype, shape }: TensorInfo): boolean {
  return dtype === 'float32' && shape.length >= 2 && shape.slice(0, -2).every((n) => n === 1)
}
