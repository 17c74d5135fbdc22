import { type Tensor, tensor, type Variable } from '@tensorflow/tfjs-core'
import type { DataId, Fill, GradientValues, Store } from './store.ts'
import type { Places } from './tensorflow-op.ts'

/** What a backend knows data by, with the number of tensors that refer to it. */
interface Counted {
  readonly refCount: number
}

/** What an in-place store must know of its backend. */
export interface InPlaceBackend {
  readonly name: string
  /** Another object once the values have been on another backend, null while they are there. */
  record(id: DataId): Counted | null
  /** How many tensors that tfjs does not count may share the data, also where it is gone otherwise; absent: none. */
  aliases?(id: DataId): number
  /** Memory for so many floats, of the kind that the backend shares. */
  allocate(length: number): Float32Array
  /** Makes the backend take the memory as its own now; throws where it copied instead. */
  share(holder: Tensor, memory: Float32Array): void
  /** The values of a variable or gradient. */
  values(tensor: Tensor): Float32Array
  /** Tells the native side where gradients lie, so that it reads them there. */
  readonly places?: Places | undefined
}

/** Up to so many floats it takes less time to put gradients together than to ask Node for an array of each. */
const gathered = 16_384

/**
 * A store whose memory the backend computes on directly: native code writes it and the next op sees it. Each variable
 * has one slot; a slot that somebody else also refers to (a clone, a reshape) is left to them and replaced. Values that
 * were on another backend have come back to other memory, under the same id.
 */
export class InPlaceStore implements Store {
  readonly name: string
  readonly #backend: InPlaceBackend
  readonly #variables: readonly Variable[]
  readonly #slots: Float32Array[]
  /** All slots, until one of them is left to somebody. */
  #whole: Float32Array | null
  readonly #ids: (DataId | null)[]
  /** The same, to look one up. */
  readonly #own = new Set<DataId>()
  readonly #records: (Counted | null)[]
  /** Where the slots begin in `whole`. */
  readonly #starts: readonly number[]
  /** The gradients of a small model, laid out as `whole`. */
  readonly #gradients: Float32Array | null

  constructor(variables: readonly Variable[], backend: InPlaceBackend) {
    this.name = backend.name
    this.#backend = backend
    this.#variables = variables
    // One allocation, each slot at a multiple of 64 floats: so the native side has its own vectors.
    const starts: number[] = []
    let total = 0
    for (const variable of variables) {
      starts.push(total)
      total += Math.ceil(variable.size / 64) * 64
    }
    const memory = backend.allocate(total)
    this.#slots = variables.map((variable, i) => memory.subarray(starts[i], starts[i]! + variable.size))
    this.#whole = memory
    this.#starts = starts
    this.#gradients = total <= gathered ? new Float32Array(total) : null
    this.#ids = variables.map(() => null)
    this.#records = variables.map(() => null)
    const before = variables.map((variable) => backend.values(variable).slice())
    this.write((out) => {
      for (const [i, values] of before.entries()) out[i]!.set(values)
    })
  }

  changed(): boolean {
    for (let i = 0; i < this.#ids.length; i++) if (this.#variables[i]!.dataId !== this.#ids[i]) return true
    return false
  }

  read(): Float32Array[] {
    return this.#variables.map((variable) => this.#backend.values(variable))
  }

  written(): Float32Array[] {
    return this.#slots
  }

  write(fill: Fill): void {
    const stale: number[] = []
    let out = this.#slots
    for (let i = 0; i < this.#variables.length; i++) {
      const variable = this.#variables[i]!
      const id = this.#ids[i]!
      const record = id === null ? null : this.#backend.record(id)
      const references = (record?.refCount ?? 0) + (id === null ? 0 : (this.#backend.aliases?.(id) ?? 0))
      if (variable.dataId === id && references === 1 && record === this.#records[i]) continue
      stale.push(i)
      // Somebody keeps the old memory: leave it to them.
      if (references > 0) {
        if (out === this.#slots) out = [...out]
        out[i] = this.#backend.allocate(variable.size)
        this.#whole = null
      }
    }
    const moved = (values: Float32Array, i: number) => (values === out[i] ? null : values)
    fill(out, this.#whole, () => (stale.length === 0 ? null : this.#slots.map(moved)))
    for (const i of stale) this.#adopt(i, out[i]!)
  }

  values(tensors: readonly (Tensor | null)[]): GradientValues {
    return this.#placed(tensors) ?? this.#together(tensors) ?? this.#copied(tensors)
  }

  #placed(tensors: readonly (Tensor | null)[]): GradientValues | null {
    const { places } = this.#backend
    if (places === undefined) return null
    const present = tensors.filter((one) => one !== null)
    // The op takes floats only; the native side refuses the others by their type.
    if (present.length === 0 || present.some((one) => one.dtype !== 'float32')) return null
    let next = places(present)
    if (next < 0) return null
    return tensors.map((one) => (one === null ? null : next++))
  }

  #together(tensors: readonly (Tensor | null)[]): Float32Array | null {
    const gradients = this.#gradients
    if (gradients === null) return null
    for (let i = 0; i < tensors.length; i++) {
      const one = tensors[i]!
      if (one === null || one.dtype !== 'float32' || one.size !== this.#slots[i]!.length) return null
      gradients.set(this.#backend.values(one), this.#starts[i]!)
    }
    return gradients
  }

  #copied(tensors: readonly (Tensor | null)[]): GradientValues {
    return tensors.map((one) => {
      if (one === null) return null
      const values = this.#backend.values(one)
      // A gradient may be a variable's own memory; it is about to be overwritten.
      return this.#own.has(one.dataId) ? values.slice() : values
    })
  }

  #adopt(i: number, memory: Float32Array): void {
    const variable = this.#variables[i]!
    // tfjs would assign all the same, to nobody's use.
    if (variable.isDisposed) return
    const holder = tensor(memory, variable.shape, 'float32')
    try {
      this.#backend.share(holder, memory)
      variable.assign(holder)
      this.#slots[i] = memory
      this.#own.delete(this.#ids[i]!)
      this.#own.add(variable.dataId)
      this.#ids[i] = variable.dataId
      this.#records[i] = this.#backend.record(variable.dataId)
    } finally {
      holder.dispose()
    }
  }
}
