import {
  getKernel,
  type KernelConfig,
  type KernelFunc,
  registerKernel,
  unregisterKernel,
  version_core,
} from '@tensorflow/tfjs-core'
import { Choice, isLater } from './choice.ts'
import { type Slot, slotOf } from './stock.ts'
import { type Replacement, replacements } from './table.ts'

export { type Replacement, replacements } from './table.ts'

/** A row with its place in tfjs' registry. `config` is the entry whose function was swapped, `added` the function of a new one. */
interface Row extends Replacement {
  readonly slot: Slot
  readonly choice: Choice
  config: KernelConfig | undefined
  added: boolean
}

const byBackend = new Map<string, Row[]>()
for (const replacement of replacements) {
  const { kernelName, backendName } = replacement
  const rows = byBackend.get(backendName) ?? []
  const slot = slotOf(kernelName, backendName)
  byBackend.set(backendName, [
    ...rows,
    { ...replacement, slot, choice: new Choice(replacement), config: undefined, added: false },
  ])
}

const later = isLater(version_core)

/** Backends whose kernels are replaced at this moment, by a running `withKernels` or for good. */
const installed = new Set<string>()
const permanent = new Set<string>()

/**
 * Runs `f` with saltflat's kernels in tfjs' registry for one backend, and puts back what was there, also after a throw.
 *
 * `f` must be synchronous: what it does after its first await runs with the stock kernels. Calls nest and the inner ones cost a look-up,
 * so wrap a whole step rather than each pass: on wasm, where four kernels must be added and taken out again, a call costs some
 * ten microseconds; on cpu two or three, on tensorflow less; a backend without replacements, such as `webgl`, a look-up. A
 * stock kernel that may be right is tried the first time it is called.
 */
export function withKernels<T>(backendName: string, f: () => T): T {
  const rows = byBackend.get(backendName)
  if (!rows || installed.has(backendName)) return f()
  install(backendName, rows)
  try {
    return f()
  } finally {
    // `f` itself may have asked for the kernels to stay.
    if (!permanent.has(backendName)) restore(backendName, rows)
  }
}

/**
 * Registers saltflat's kernels with tfjs for good, for code that trains or predicts without a saltflat optimizer; saltflat itself
 * installs them only around its own gradient passes.
 *
 * On wasm: the filter gradients and segment sums that the backend lacks, so that conv nets and embeddings train at all; gradients of
 * pooling, `conv3d` and half-pixel resizing that are wrong there, and products with a reshaped right operand; and, for speed,
 * `Conv2DBackpropInput`, transposed `BatchMatMul` and `Identity`, by which tfjs saves what a gradient needs.
 * On cpu: gradients of resizing and padded average pooling that are wrong; and, for speed, `Conv2DBackpropFilter`, nine
 * tenths of a conv net's step, its depthwise sister, `MaxPoolGrad` and `UnsortedSegmentSum`. On tensorflow, for speed: `Step`, which
 * the gradient of relu multiplies by. The whole table is in docs/backends.md.
 * Filter gradients take NHWC on wasm; NCHW throws `ERR_UNSUPPORTED` there.
 *
 * A right kernel of a later tfjs is left alone: each that ours would stand for is tried once, on its first call, on a few
 * numbers. Those replaced for speed alone are replaced only in the tfjs that was measured (4.22).
 *
 * Only backends already imported are touched: import `@tensorflow/tfjs-backend-wasm` first. Calling it again is harmless.
 *
 * @example
 * registerKernels() // once, after the imports of the backends
 */
export function registerKernels(): void {
  for (const [backendName, rows] of byBackend) {
    // Every backend has Identity; without it the package is not there yet, and would warn about our rows when it comes.
    if (!getKernel('Identity', backendName)) continue
    if (!installed.has(backendName)) install(backendName, rows)
    permanent.add(backendName)
  }
}

// The function of an existing entry is swapped in place: the entry keeps its set-up function, which tfjs runs when the backend
// starts, registerKernel has no duplicate to warn about, and this costs a quarter of taking the entry out and putting it back.
function install(backendName: string, rows: readonly Row[]): void {
  for (const row of rows) {
    const { kernelName, kernelFunc, choice, slot } = row
    const config = getKernel(kernelName, backendName)
    const stock = config?.kernelFunc
    const chosen = choice.between(stock, later)
    row.config = chosen === 'stock' ? undefined : config
    row.added = !config
    slot.stock = stock
    if (!config) registerKernel({ kernelName, backendName, kernelFunc })
    else if (chosen !== 'stock') config.kernelFunc = chosen === 'ours' ? kernelFunc : trialOf(choice, stock!, config)
  }
  installed.add(backendName)
}

/** Decides at its first call, when the backend has started for certain, and leaves its place to the kernel that serves. */
function trialOf(choice: Choice, stock: KernelFunc, config: KernelConfig): KernelFunc {
  return function trial(params) {
    const serving = choice.decide(stock, params.backend)
    if (config.kernelFunc === trial) config.kernelFunc = serving
    return serving(params)
  }
}

function restore(backendName: string, rows: readonly Row[]): void {
  for (const { kernelName, kernelFunc, slot, config, added } of rows) {
    if (config) config.kernelFunc = slot.stock!
    // Unless `f` put a kernel of its own there.
    else if (added && getKernel(kernelName, backendName)?.kernelFunc === kernelFunc)
      unregisterKernel(kernelName, backendName)
    slot.stock = undefined
  }
  installed.delete(backendName)
}
