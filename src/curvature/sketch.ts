import { type Basis, loadBinding, typed } from '../native/index.ts'
import type { Device } from '../types.ts'
import type { Block, Operator } from './operator.ts'
import { blockDots, namedBlocks, type Probes } from './probes.ts'

type Product = (v: Float32Array) => Promise<Float32Array>

/** An orthonormal basis Q of the range of A·S, S some random vectors: where A is large. */
export class Sketch {
  /** Q, which whoever draws probes takes out of them. */
  readonly basis: Basis
  readonly #directions: number
  readonly #blocks: readonly Block[]
  readonly #size: number
  #count = 0

  /** Of up to so many directions. */
  constructor(operator: Operator, directions: number, device: Device) {
    const { Basis } = loadBinding()
    this.basis = typed(() => new Basis(operator.size, { device }, directions + 1))
    this.#directions = directions
    this.#blocks = namedBlocks(operator)
    this.#size = operator.size
  }

  /** Takes its directions; tr of the blocks of A·QQᵀ. Two products each, or one where a direction is not new. */
  async take(random: Probes, product: Product): Promise<readonly number[]> {
    const sums = this.#blocks.map(() => 0)
    for (let index = 0; index < this.#directions && !this.spans; index++) {
      const probe = random.at(index, 'sketch')
      const ranged = await product(probe)
      blockDots(this.#blocks, probe, ranged) // Refuses what is not finite.
      if (!typed(() => this.basis.add(ranged))) continue
      const q = typed(() => this.basis.vector(this.#count))
      this.#count++
      for (const [i, dot] of blockDots(this.#blocks, q, await product(q)).entries()) sums[i]! += dot
    }
    return sums
  }

  /** Whether Q is everything, and nothing is left. */
  get spans(): boolean {
    return this.#count === this.#size
  }

  /** Bytes held, on the host and on the GPU. */
  get bytes(): number {
    return this.basis.bytes
  }

  dispose(): void {
    this.basis.dispose()
  }
}
