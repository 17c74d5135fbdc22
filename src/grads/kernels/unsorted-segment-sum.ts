// out[s, …] = Σ x[i, …] over the i with segmentIds[i] = s; ids outside 0 … numSegments − 1 are dropped, as on the cpu backend.
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { cpuMemory, type Memory, wasmMemory } from './memory.ts'

function unsortedSegmentSum(
  memory: Memory,
  { x, segmentIds }: { x: TensorInfo; segmentIds: TensorInfo },
  numSegments: number,
): TensorInfo {
  const tail = x.shape.slice(segmentIds.shape.length)
  const result = memory.make([numSegments, ...tail])
  const out = memory.values(result)
  const values = memory.values(x)
  const ids = memory.values(segmentIds)
  const width = tail.reduce((product, n) => product * n, 1)
  out.fill(0)
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (id < 0 || id >= numSegments) continue
    const to = id * width
    const from = i * width
    for (let j = 0; j < width; j++) out[to + j]! += values[from + j]!
  }
  return result
}

/** Segment sums on wasm, which ships none (tensorflow/tfjs issue 8082); the gradient of every embedding and gather. */
export const wasmUnsortedSegmentSum: KernelFunc = ({ inputs, backend, attrs }) =>
  unsortedSegmentSum(
    wasmMemory(backend),
    inputs as Parameters<typeof unsortedSegmentSum>[1],
    attrs?.numSegments as number,
  )

/** The same loop on cpu, where the stock kernel multiplies all of x by a mask once per segment. */
export const cpuUnsortedSegmentSum: KernelFunc = ({ inputs, backend, attrs }) =>
  unsortedSegmentSum(
    cpuMemory(backend),
    inputs as Parameters<typeof unsortedSegmentSum>[1],
    attrs?.numSegments as number,
  )
