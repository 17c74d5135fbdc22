import { engine, type Tensor, type TensorInfo, type Variable } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import type { DataId, Fill, OpenStore, Store } from './store.ts'

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

  written(): Float32Array[] {
    return this.#variables.map((variable, i) => {
      if (variable.dataId === this.#ids[i]) return this.#backend.typedArrayFromHeap(variable)
      // Its memory is given back by then.
      throw new SaltflatError(
        'ERR_STATE',
        `Expected weights that stay as they are during a step on wasm, received another '${variable.name}'. Let the loss assign none that are trained.`,
      )
    })
  }

  write(fill: Fill): void {
    // All memory first: growth detaches every view taken before.
    const infos: TensorInfo[] = []
    try {
      for (const variable of this.#variables) {
        infos.push(this.#backend.makeOutput(variable.shape, 'float32'))
        checkAllocated(this.#backend, infos.at(-1)!, `'${variable.name}'`)
      }
      fill(
        infos.map((info) => this.#backend.typedArrayFromHeap(info)),
        null,
        () => this.written(),
      )
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
}

/** Refuses what makeOutput gave when the heap was full: it lies at address 0, which stock tfjs would write to. */
export function checkAllocated(
  backend: { dataIdMap: { get(id: DataId): { memoryOffset: number } } },
  { dataId, shape }: TensorInfo,
  purpose: string,
): void {
  const bytes = 4 * shape.reduce((product, length) => product * length, 1)
  if (bytes === 0 || backend.dataIdMap.get(dataId).memoryOffset !== 0) return
  const said = `Could not allocate ${bytes} bytes of wasm memory for ${purpose}. Dispose tensors that are not needed, or use a smaller batch.`
  throw new SaltflatError('ERR_OUT_OF_MEMORY', said)
}

/** Opens a store on the wasm backend. */
export const openWasm: OpenStore = (variables, backend) => (isWasm(backend) ? new WasmStore(variables, backend) : null)
