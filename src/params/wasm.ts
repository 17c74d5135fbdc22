import { engine, type Tensor, type TensorInfo, type Variable } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import type { DataId, OpenStore, Store } from './store.ts'

/** What this file uses of the stock wasm backend. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: 'float32'): TensorInfo
  typedArrayFromHeap(info: TensorInfo): Float32Array
  disposeData(id: DataId): boolean
  dataIdMap: { get(id: DataId): { memoryOffset: number } }
}

function isWasm(backend: unknown): backend is WasmBackend {
  const one = backend as Partial<WasmBackend> | null
  return typeof one?.typedArrayFromHeap === 'function' && typeof one.makeOutput === 'function'
}

/**
 * wasm memory is read without a copy, and written once, but into fresh tensors: XNNPACK keeps packed copies of weights
 * by tensor id, so a write in place would be ignored without a word.
 */
class WasmStore implements Store {
  readonly name = 'wasm'
  readonly #backend: WasmBackend
  readonly #variables: readonly Variable[]
  #ids: DataId[]

  constructor(variables: readonly Variable[], backend: WasmBackend) {
    this.#backend = backend
    this.#variables = variables
    this.#ids = variables.map((variable) => variable.dataId)
  }

  changed(): boolean {
    return this.#variables.some((variable, i) => variable.dataId !== this.#ids[i])
  }

  read(): Float32Array[] {
    return this.#variables.map((variable) => this.#backend.typedArrayFromHeap(variable))
  }

  write(fill: (out: Float32Array[]) => void): void {
    // All memory first: growth detaches every view taken before.
    const infos: TensorInfo[] = []
    try {
      for (const variable of this.#variables) {
        infos.push(this.#backend.makeOutput(variable.shape, 'float32'))
        if (variable.size > 0) this.#checkMemory(infos.at(-1)!, variable)
      }
      fill(infos.map((info) => this.#backend.typedArrayFromHeap(info)))
    } catch (error) {
      for (const info of infos) this.#backend.disposeData(info.dataId)
      throw error
    }
    for (const [i, info] of infos.entries()) {
      const holder = engine().makeTensorFromTensorInfo(info)
      // tfjs would assign to a disposed one too, to nobody's use.
      if (!this.#variables[i]!.isDisposed) this.#variables[i]!.assign(holder)
      holder.dispose()
    }
    this.#ids = this.#variables.map((variable) => variable.dataId)
  }

  values(tensors: readonly (Tensor | null)[]): (Float32Array | null)[] {
    return tensors.map((one) => (one === null ? null : this.#backend.typedArrayFromHeap(one)))
  }

  /** A full heap gives address 0, which stock tfjs would write to. */
  #checkMemory({ dataId }: TensorInfo, { name, size }: Variable): void {
    if (this.#backend.dataIdMap.get(dataId).memoryOffset !== 0) return
    const said = `Could not allocate ${4 * size} bytes of wasm memory for '${name}'. Dispose tensors that are not needed, or use a smaller batch.`
    throw new SaltflatError('ERR_OUT_OF_MEMORY', said)
  }
}

/** Opens a store on the wasm backend. */
export const openWasm: OpenStore = (variables, backend) => (isWasm(backend) ? new WasmStore(variables, backend) : null)
