import test from 'ava'
import { backends } from '../../helpers/backends.ts'
import { centralDifference, close, numbers, runKernel, sizeOf } from './helper.ts'

type Kind = 'ResizeNearestNeighborGrad' | 'ResizeBilinearGrad'
interface Case {
  from: [number, number]
  size: [number, number]
  alignCorners: boolean
  halfPixelCenters: boolean
}

const sizes: [[number, number], [number, number]][] = [
  [
    [3, 2],
    [6, 6],
  ],
  [
    [4, 5],
    [7, 3],
  ],
  [
    [6, 4],
    [3, 9],
  ],
  [
    [5, 5],
    [5, 5],
  ],
  [
    [2, 3],
    [1, 1],
  ],
  [
    [1, 1],
    [3, 2],
  ],
]
const cases = sizes.flatMap(([from, size]) =>
  [
    [false, false],
    [true, false],
    [false, true],
  ].map(
    ([alignCorners, halfPixelCenters]): Case => ({
      from,
      size,
      alignCorners: alignCorners!,
      halfPixelCenters: halfPixelCenters!,
    }),
  ),
)

/** Weight of input `j` in output `i` along one axis: the definitions of TensorFlow's two resizings. */
function weight(kind: Kind, c: Case, axis: 0 | 1, i: number, j: number): number {
  const [n, m] = [c.from[axis], c.size[axis]]
  const scale = c.alignCorners && m > 1 ? (n - 1) / (m - 1) : n / m
  if (kind === 'ResizeNearestNeighborGrad') {
    const at = c.halfPixelCenters ? (i + 0.5) * scale : i * scale
    return Math.min(n - 1, c.alignCorners ? Math.round(at) : Math.floor(at)) === j ? 1 : 0
  }
  const at = Math.min(n - 1, Math.max(0, c.halfPixelCenters ? (i + 0.5) * scale - 0.5 : i * scale))
  return Math.max(0, 1 - Math.abs(at - j))
}

const channels = 2
function dot(kind: Kind, c: Case, x: readonly number[], dy: readonly number[]): number {
  let sum = 0
  for (const n of [0, 1])
    for (let p = 0; p < c.size[0]; p++)
      for (let q = 0; q < c.size[1]; q++)
        for (let h = 0; h < c.from[0]; h++)
          for (let w = 0; w < c.from[1]; w++)
            for (let k = 0; k < channels; k++)
              sum +=
                weight(kind, c, 0, p, h) *
                weight(kind, c, 1, q, w) *
                x[((n * c.from[0] + h) * c.from[1] + w) * channels + k]! *
                dy[((n * c.size[0] + p) * c.size[1] + q) * channels + k]!
  return sum
}

const dataOf = (c: Case) => {
  const of = (shape: number[], seed: number) => ({ shape, values: numbers(seed)(sizeOf(shape)) })
  return { images: of([2, ...c.from, channels], 1), dy: of([2, ...c.size, channels], 2) }
}

for (const kind of ['ResizeNearestNeighborGrad', 'ResizeBilinearGrad'] as Kind[]) {
  for (const c of cases)
    test.serial(`${kind}: equals differences of the definition, ${JSON.stringify(c)}`, async (t) => {
      const { images, dy } = dataOf(c)
      const values = centralDifference((x) => dot(kind, c, x, dy.values), images.values)
      for (const backend of ['cpu', 'wasm'] as const)
        close(t, await runKernel(backend, 'ours', kind, { images, dy }, c), { shape: images.shape, values }, backend)
    })

  const withTensorflow = backends.includes('tensorflow') ? test.serial : test.skip
  withTensorflow(`${kind}: equals TensorFlow, which has no half-pixel centres here`, async (t) => {
    for (const c of cases.filter(({ halfPixelCenters }) => !halfPixelCenters)) {
      const { images, dy } = dataOf(c)
      const expected = await runKernel('tensorflow', 'stock', kind, { images, dy }, c)
      for (const backend of ['cpu', 'wasm'] as const)
        close(
          t,
          await runKernel(backend, 'ours', kind, { images, dy }, c),
          expected,
          `${backend} ${JSON.stringify(c)}`,
          1e-5,
        )
    }
  })
}
