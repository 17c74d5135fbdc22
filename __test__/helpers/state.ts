import type { FlatOptimizer } from '../../src/index.ts'
import type { NamedTensor } from '../../src/optimizers/state.ts'
import { bits, tf } from './backends.ts'

/** The saved state as bits, by place. */
export async function stateOf(optimizer: FlatOptimizer): Promise<Uint32Array[]> {
  return (await optimizer.getWeights()).map(({ tensor }) => bits(tensor))
}

/** A copy of a state that belongs to the test. */
export async function copyOf(optimizer: FlatOptimizer): Promise<NamedTensor[]> {
  return (await optimizer.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))
}

export function disposeAll(state: readonly NamedTensor[]): void {
  tf.dispose(state.map(({ tensor }) => tensor))
}
