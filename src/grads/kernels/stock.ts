import { getKernel, type KernelFunc } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../../errors.ts'

/** The place of one kernel in tfjs' registry: what stood there before ours took it; undefined while it is not taken, or was empty. */
export interface Slot {
  stock: KernelFunc | undefined
}

const slots = new Map<string, Slot>()

/** The slot of one kernel, made once; whoever installs a kernel there writes `stock`. */
export function slotOf(kernelName: string, backendName: string): Slot {
  const key = `${backendName} ${kernelName}`
  const slot = slots.get(key) ?? { stock: undefined }
  slots.set(key, slot)
  return slot
}

/** The backend's own kernel, also while one of ours is registered under its name. */
export function stockKernel(kernelName: string, backendName: string): KernelFunc {
  const kernelFunc = slots.get(`${backendName} ${kernelName}`)?.stock ?? getKernel(kernelName, backendName)?.kernelFunc
  if (!kernelFunc)
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected the tfjs backend "${backendName}" to have a kernel ${kernelName}, found none. Import the backend's package before you train.`,
    )
  return kernelFunc
}
