import { type Tensor, tensor, type Variable } from '@tensorflow/tfjs-core'
import type { DataId, Fill, OpenStore, Store } from './store.ts'

/** Any backend, through public tfjs calls only: one copy to read, one to write, and what was written last kept. */
class PortableStore implements Store {
  readonly name = 'portable'
  readonly #variables: readonly Variable[]
  #ids: DataId[]
  /** Also where the backend has copied it: values of a device would have to come back from there. */
  #written: Float32Array[] | null = null

  constructor(variables: readonly Variable[]) {
    this.#variables = variables
    this.#ids = variables.map((variable) => variable.dataId)
  }

  changed(): boolean {
    return this.#variables.some((variable, i) => variable.dataId !== this.#ids[i])
  }

  read(): Float32Array[] {
    return this.#variables.map((variable) => variable.dataSync() as Float32Array)
  }

  written(): Float32Array[] {
    return this.#written ?? this.read()
  }

  write(fill: Fill): void {
    // Fresh arrays each time: some backends keep the array they are given.
    const out = this.#variables.map((variable) => new Float32Array(variable.size))
    fill(out, null, () => this.written())
    this.#written = out
    for (const [i, values] of out.entries()) {
      const variable = this.#variables[i]!
      const holder = tensor(values, variable.shape, 'float32')
      // tfjs would assign to a disposed one too, to nobody's use.
      if (!variable.isDisposed) variable.assign(holder)
      holder.dispose()
      this.#ids[i] = variable.dataId
    }
  }

  values(tensors: readonly (Tensor | null)[]): (Float32Array | null)[] {
    return tensors.map((one) => (one === null ? null : (one.dataSync() as Float32Array)))
  }
}

/** Serves every backend that no other store knows. */
export const openPortable: OpenStore = (variables) => new PortableStore(variables)
