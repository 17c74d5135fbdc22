import test from 'ava'
import { centralDifference, close, numbers, runKernel, sizeOf } from './helper.ts'

const name = 'UnsortedSegmentSum'
const table: { shape: number[]; ids: number[]; numSegments: number }[] = [
  { shape: [5], ids: [0, 1, 0, 2, 1], numSegments: 3 },
  { shape: [4, 3], ids: [2, 2, 2, 2], numSegments: 4 },
  { shape: [4, 2, 3], ids: [1, 0, 3, 1], numSegments: 5 },
  { shape: [6, 2], ids: [-1, 0, 7, 3, 2, -5], numSegments: 3 },
  { shape: [1, 1], ids: [0], numSegments: 1 },
  { shape: [3, 4], ids: [9, -1, 5], numSegments: 2 },
]
for (const { shape, ids, numSegments } of table) {
  const x = { shape, values: numbers(3)(sizeOf(shape)) }
  const segmentIds = { shape: [ids.length], values: ids, dtype: 'int32' as const }
  test.serial(`equals the stock cpu kernel: [${shape}] by ids ${ids}`, async (t) => {
    const expected = await runKernel('cpu', 'stock', name, { x, segmentIds }, { numSegments })
    for (const backend of ['cpu', 'wasm'] as const)
      close(t, await runKernel(backend, 'ours', name, { x, segmentIds }, { numSegments }), expected, backend, 1e-6)
  })
}

test.serial('is the gradient of gather', async (t) => {
  // loss = Σ w · table[ids], whose derivative by the table is the segment sum of w.
  const ids = [3, 0, 3, 1]
  const weights = numbers(4)(8)
  const loss = (rows: number[]) =>
    ids.reduce((sum, id, i) => sum + rows[id * 2]! * weights[i * 2]! + rows[id * 2 + 1]! * weights[i * 2 + 1]!, 0)
  const expected = { shape: [5, 2], values: centralDifference(loss, numbers(5)(10)) }
  const inputs = {
    x: { shape: [4, 2], values: weights },
    segmentIds: { shape: [4], values: ids, dtype: 'int32' as const },
  }
  for (const backend of ['cpu', 'wasm'] as const)
    close(t, await runKernel(backend, 'ours', name, inputs, { numSegments: 5 }), expected, backend)
})
