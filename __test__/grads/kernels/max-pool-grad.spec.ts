import test from 'ava'
import { centralDifference, close, numbers, runKernel, sizeOf, type Values } from './helper.ts'

const name = 'MaxPoolGrad'
interface Pool {
  x: [number, number, number, number]
  filterSize: [number, number]
  strides: [number, number]
  pad: 'same' | 'valid' | number
}

const pools: Pool[] = []
for (const pad of ['same', 'valid', 1] as const)
  for (const stride of [1, 2, 3])
    for (const filterSize of [
      [2, 2],
      [3, 3],
      [1, 4],
    ] as [number, number][]) {
      // For a number, tfjs works out both sides from the window's height and the vertical stride: only squares make sense.
      if (pad === 1 && filterSize[0] !== filterSize[1]) continue
      pools.push({ x: [2, 7, 9, 3], filterSize, strides: [stride, stride], pad })
      pools.push({ x: [1, 6, 5, 1], filterSize, strides: [pad === 1 ? stride : 1, stride], pad })
    }

function outputOf({ x, filterSize, strides, pad }: Pool): [number, number, number, number] {
  const along = (axis: 0 | 1): [number, number] => {
    const size = x[axis === 0 ? 1 : 2]
    if (pad === 'same') {
      const out = Math.ceil(size / strides[axis])
      return [out, Math.floor(Math.max(0, (out - 1) * strides[axis] + filterSize[axis] - size) / 2)]
    }
    const around = pad === 'valid' ? 0 : pad
    return [Math.floor((size + 2 * around - filterSize[axis]) / strides[axis]) + 1, around]
  }
  const [height, top] = along(0)
  const [width, left] = along(1)
  return [height, width, top, left]
}

async function both(pool: Pool, values: number[], backend: 'cpu' | 'wasm', kernels: 'stock' | 'ours'): Promise<Values> {
  const [height, width] = outputOf(pool)
  const shape = [pool.x[0], height, width, pool.x[3]]
  const dy = { shape, values: numbers(9)(sizeOf(shape)) }
  // The stock cpu kernel asserts on `output` but reads only x.
  const inputs = { dy, input: { shape: pool.x, values }, output: dy }
  return runKernel(backend, kernels, name, inputs, pool)
}

const fillings: [string, (draw: number[]) => number[]][] = [
  ['any values', (draw) => draw],
  ['only negative values', (draw) => draw.map((v) => v - 2)],
  ['ties', (draw) => draw.map((v) => Math.round(v * 1.5))],
  ['all equal', (draw) => draw.map(() => -1)],
  [
    'NaN and −Infinity among them',
    (draw) => draw.map((v, i) => (i % 3 === 0 ? Number.NaN : i % 3 === 1 ? -Infinity : v)),
  ],
]
for (const [filling, fill] of fillings)
  test.serial(`equals the stock cpu kernel: ${filling}`, async (t) => {
    for (const pool of pools) {
      const values = fill(numbers(5)(sizeOf(pool.x)))
      const expected = await both(pool, values, 'cpu', 'stock')
      for (const backend of ['cpu', 'wasm'] as const)
        close(t, await both(pool, values, backend, 'ours'), expected, `${backend} ${JSON.stringify(pool)}`, 1e-6)
    }
  })

test.serial('equals differences of the definition, on negative values', async (t) => {
  for (const pool of pools.filter(({ x }) => x[0] === 1)) {
    const [height, width, top, left] = outputOf(pool)
    const [, inHeight, inWidth] = pool.x
    const dy = numbers(9)(height * width)
    const loss = (x: number[]): number => {
      let sum = 0
      for (let p = 0; p < height; p++)
        for (let q = 0; q < width; q++) {
          const seen: number[] = []
          for (let r = 0; r < pool.filterSize[0]; r++)
            for (let s = 0; s < pool.filterSize[1]; s++) {
              const h = p * pool.strides[0] + r - top
              const w = q * pool.strides[1] + s - left
              if (h >= 0 && h < inHeight && w >= 0 && w < inWidth) seen.push(x[h * inWidth + w]!)
            }
          if (seen.length > 0) sum += Math.max(...seen) * dy[p * width + q]!
        }
      return sum
    }
    const values = numbers(6)(inHeight * inWidth).map((v) => v - 2)
    const expected = { shape: pool.x, values: centralDifference(loss, values, 1e-6) }
    for (const backend of ['cpu', 'wasm'] as const)
      close(t, await both(pool, values, backend, 'ours'), expected, `${backend} ${JSON.stringify(pool)}`)
  }
})

test.serial('the stock wasm kernel is still wrong, so ours is still needed', async (t) => {
  const pool: Pool = { x: [1, 2, 2, 1], filterSize: [2, 2], strides: [2, 2], pad: 'valid' }
  const wrong = await both(pool, [-4, -3, -2, -1], 'wasm', 'stock')
  const right = await both(pool, [-4, -3, -2, -1], 'wasm', 'ours')
  t.notDeepEqual(wrong.values, right.values)
})
