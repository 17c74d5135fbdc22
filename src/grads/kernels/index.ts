import { getKernel, type KernelConfig, type KernelFunc, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core'
import { wasmBatchMatMul } from './batch-mat-mul.ts'
import { cpuConv2DBackpropFilter, wasmConv2DBackpropFilter } from './conv2d-backprop-filter.ts'
import { wasmConv2DBackpropInput } from './conv2d-backprop-input.ts'
import {
  cpuDepthwiseBackpropFilter,
  wasmDepthwiseBackpropFilter,
  wasmDepthwiseBackpropInput,
} from './depthwise-backprop.ts'
import { cpuMaxPoolGrad, wasmMaxPoolGrad } from './max-pool-grad.ts'
import { type Slot, slotOf } from './stock.ts'
import { cpuUnsortedSegmentSum, wasmUnsortedSegmentSum } from './unsorted-segment-sum.ts'

/** A kernel that saltflat puts in the place of a missing, wrong or slow one. */
export interface Replacement {
  readonly kernelName: string
  readonly backendName: string
  readonly kernelFunc: KernelFunc
}

/** Every replacement. A new one is one line here; the tests run over the table. */
export const replacements: readonly Replacement[] = [
  { kernelName: 'BatchMatMul', backendName: 'wasm', kernelFunc: wasmBatchMatMul },
  { kernelName: 'Conv2DBackpropFilter', backendName: 'wasm', kernelFunc: wasmConv2DBackpropFilter },
  { kernelName: 'Conv2DBackpropInput', backendName: 'wasm', kernelFunc: wasmConv2DBackpropInput },
  { kernelName: 'DepthwiseConv2dNativeBackpropFilter', backendName: 'wasm', kernelFunc: wasmDepthwiseBackpropFilter },
  { kernelName: 'DepthwiseConv2dNativeBackpropInput', backendName: 'wasm', kernelFunc: wasmDepthwiseBackpropInput },
  { kernelName: 'MaxPoolGrad', backendName: 'wasm', kernelFunc: wasmMaxPoolGrad },
  { kernelName: 'UnsortedSegmentSum', backendName: 'wasm', kernelFunc: wasmUnsortedSegmentSum },
  { kernelName: 'Conv2DBackpropFilter', backendName: 'cpu', kernelFunc: cpuConv2DBackpropFilter },
  { kernelName: 'DepthwiseConv2dNativeBackpropFilter', backendName: 'cpu', kernelFunc: cpuDepthwiseBackpropFilter },
  { kernelName: 'MaxPoolGrad', backendName: 'cpu', kernelFunc: cpuMaxPoolGrad },
  { kernelName: 'UnsortedSegmentSum', backendName: 'cpu', kernelFunc: cpuUnsortedSegmentSum },
]

/** A row with its place in tfjs' registry. `config` is the entry whose function was swapped; undefined where there was none. */
interface Row extends Replacement {
  readonly slot: Slot
  config: KernelConfig | undefined
}

const byBackend = new Map<string, Row[]>()
for (const replacement of replacements) {
  const { kernelName, backendName } = replacement
  const rows = byBackend.get(backendName) ?? []
  byBackend.set(backendName, [...rows, { ...replacement, slot: slotOf(kernelName, backendName), config: undefined }])
}

/** Backends whose kernels are replaced at this moment, by a running `withKernels` or for good. */
const installed = new Set<string>()
const permanent = new Set<string>()

/**
 * Runs `f` with saltflat's kernels in tfjs' registry for one backend, and puts back what was there, also after a throw.
 *
 * `f` must be synchronous: what it does after its first await runs with the stock kernels. Calls nest and the inner ones cost a look-up,
 * so wrap a whole step rather than each pass: on wasm, where four kernels must be added and taken out again, a call costs some
 * microseconds; on cpu one or two; a backend without replacements, such as `tensorflow`, a look-up.
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
 * Registers saltflat's kernels with tfjs for good, for code that trains without a saltflat optimizer; saltflat itself installs
 * them only around its own gradient passes.
 *
 * On wasm: `Conv2DBackpropFilter` (tensorflow/tfjs issue 8474), `UnsortedSegmentSum` (8082) and the two
 * `DepthwiseConv2dNativeBackprop…`, which the backend lacks, so that conv nets and embeddings train at all; `MaxPoolGrad`, which gives no
 * gradient to windows without a positive value; `Conv2DBackpropInput` and transposed `BatchMatMul`, which run in scalar loops. On cpu, for
 * speed: `Conv2DBackpropFilter`, nine tenths of a conv net's step, its depthwise sister, `MaxPoolGrad` and `UnsortedSegmentSum`. Results agree with the stock cpu kernels to float32 rounding. Filter gradients take NHWC on wasm; NCHW throws
 * `ERR_UNSUPPORTED` there.
 *
 * Only backends already imported are touched: import `@tensorflow/tfjs-backend-wasm` first. Calling it again is harmless.
 *
 * ```ts
 * import '@tensorflow/tfjs-backend-wasm'
 * import { registerKernels } from 'saltflat'
 * registerKernels()
 * ```
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
    const config = getKernel(row.kernelName, backendName)
    row.config = config
    row.slot.stock = config?.kernelFunc
    if (config) config.kernelFunc = row.kernelFunc
    else registerKernel({ kernelName: row.kernelName, backendName, kernelFunc: row.kernelFunc })
  }
  installed.add(backendName)
}

function restore(backendName: string, rows: readonly Row[]): void {
  for (const { kernelName, kernelFunc, slot, config } of rows) {
    if (config) config.kernelFunc = slot.stock!
    // Unless `f` put a kernel of its own there.
    else if (getKernel(kernelName, backendName)?.kernelFunc === kernelFunc) unregisterKernel(kernelName, backendName)
    slot.stock = undefined
  }
  installed.delete(backendName)
}
