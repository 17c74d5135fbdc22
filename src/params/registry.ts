import { engine, type Variable } from '@tensorflow/tfjs-core'
import { openCpu } from './cpu.ts'
import { openPortable } from './portable.ts'
import type { OpenStore, Store } from './store.ts'
import { openTensorflow } from './tensorflow.ts'
import { openWasm } from './wasm.ts'

/** One line a tfjs backend; the first that knows the active one serves. */
export const stores: readonly OpenStore[] = [openTensorflow, openWasm, openCpu, openPortable]

/** Opens the best store for variables on the active backend. */
export function openStore(variables: readonly Variable[], candidates: readonly OpenStore[] = stores): Store {
  const backend = engine().backend
  for (const open of candidates) {
    const store = open(variables, backend)
    if (store !== null) return store
  }
  throw new Error('unreachable: the portable store serves every backend')
}
