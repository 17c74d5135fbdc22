import { type Basis, loadBinding, typed } from '../native/index.ts'
import { invalid } from '../options.ts'
import type { Device } from '../types.ts'
import type { Block, Operator } from './operator.ts'
import { blockDots, namedBlocks, type Probes } from './probes.ts'

type Product = (v: Float32Array) => Promise<Float32Array>

/** Where a sketch stands, besides its vectors. */
export interface SketchState {
  /** Random vectors whose products it has seen. */
  readonly seen: number
  /** Whether the last direction waits for its product. */
  readonly waiting: boolean
  /** tr of the blocks of A·QQᵀ over the directions before. */
  readonly sums: readonly number[]
  /** Directions in Q. */
  readonly count: number
}

/** An orthonormal basis Q of the range of A·S, S some random vectors: where A is large. */
export class Sketch {
  /** Q, which whoever draws probes takes out of them. */
  readonly basis: Basis
  readonly #directions: number
  readonly #blocks: readonly Block[]
  readonly #size: number
  #sums: number[]
  #seen = 0
  #count = 0
  #waiting = false

  /** Of up to so many directions. */
  constructor(operator: Operator, directions: number, device: Device) {
    const { Basis } = loadBinding()
    this.basis = typed(() => new Basis(operator.size, { device }, directions + 1))
    this.#directions = directions
    this.#blocks = namedBlocks(operator)
    this.#size = operator.size
    this.#sums = this.#blocks.map(() => 0)
  }

  /**
   * Takes its directions, or what is left of them; tr of the blocks of A·QQᵀ. Two products each, or one where a direction
   * is not new.
   */
  async take(random: Probes, product: Product): Promise<readonly number[]> {
    for (;;) {
      if (this.#waiting) {
        const q = typed(() => this.basis.vector(this.#count - 1))
        for (const [i, dot] of blockDots(this.#blocks, q, await product(q)).entries()) this.#sums[i]! += dot
        this.#waiting = false
      }
      if (this.#seen >= this.#directions || this.spans) return this.#sums
      const probe = random.at(this.#seen, 'sketch')
      const ranged = await product(probe)
      blockDots(this.#blocks, probe, ranged) // Refuses what is not finite.
      this.#waiting = typed(() => this.basis.add(ranged))
      this.#seen++
      if (this.#waiting) this.#count++
    }
  }

  /** Whether Q is everything, and nothing is left. */
  get spans(): boolean {
    return this.#count === this.#size
  }

  /** Bytes held, on the host and on the GPU. */
  get bytes(): number {
    return this.basis.bytes
  }

  /** All that it is. */
  moment(): { at: SketchState; vectors: Float32Array[] } {
    const at = { seen: this.#seen, waiting: this.#waiting, sums: [...this.#sums], count: this.#count }
    return { at, vectors: Array.from({ length: this.#count }, (_, i) => typed(() => this.basis.vector(i))) }
  }

  /** Stands where an empty one's like stood. */
  restore({ seen, waiting, sums, count }: SketchState, vectors: readonly Float32Array[]): void {
    if (vectors.length !== count) throw invalid(`${count} vectors of a sketch in the checkpoint`, vectors.length)
    for (const vector of vectors) typed(() => this.basis.restore(vector))
    this.#seen = seen
    this.#waiting = waiting
    this.#sums = [...sums]
    this.#count = count
  }

  dispose(): void {
    this.basis.dispose()
  }
}
