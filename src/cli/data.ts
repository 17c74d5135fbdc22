import { SaltflatError } from '../errors.ts'
import { permutation, random } from './random.ts'

/** Images of 28×28 greys in [0, 1], one after the other, and their classes 0 … 9. */
export interface Images {
  readonly pixels: Float32Array
  readonly labels: Uint8Array
}

/** What a run trains on: `train.labels` carry the noise, `trueLabels` do not; the test set is clean. */
export interface Task {
  readonly train: Images
  readonly trueLabels: Uint8Array
  readonly test: Images
}

const size = 28 * 28
const classes = 10

/** Each label redrawn uniformly from all ten classes with probability `rate`, so 0.9·rate of them become wrong. */
export function redraw(labels: Uint8Array, rate: number, seed: number): Uint8Array {
  const next = random(seed, 'noise')
  return labels.map((label) => (next() < rate ? Math.floor(next() * classes) : label))
}

/**
 * Draws `images` training and `testImages` test images and redraws training labels with probability `labelNoise`.
 * With one set for both, the test images are the same for every number of training images and never among them.
 * `seed` controls the draw and the noise.
 */
export function prepare(
  source: { readonly train: Images; readonly test?: Images },
  options: { images: number; testImages: number; labelNoise: number; seed: number },
): Task {
  const { images, testImages, labelNoise, seed } = options
  const pool = source.train.labels.length
  const testPool = source.test?.labels.length ?? pool - images
  if (images > pool || testImages > testPool) {
    throw new SaltflatError(
      'ERR_EMPTY',
      `Expected ${images} training and ${testImages} test images, found ${pool} and ${testPool}.`,
    )
  }
  const order = permutation(pool, random(seed, 'split'))
  const testOrder = source.test ? permutation(testPool, random(seed, 'split', 1)) : order.slice().reverse()
  const clean = take(source.train, order.subarray(0, images))
  return {
    train: { pixels: clean.pixels, labels: redraw(clean.labels, labelNoise, seed) },
    trueLabels: clean.labels,
    test: take(source.test ?? source.train, testOrder.subarray(0, testImages)),
  }
}

/** The images at `places`, in that order, copied. */
export function take(images: Images, places: Uint32Array): Images {
  const pixels = new Float32Array(places.length * size)
  for (const [to, from] of places.entries()) {
    pixels.set(images.pixels.subarray(from * size, (from + 1) * size), to * size)
  }
  return { pixels, labels: Uint8Array.from(places, (place) => images.labels[place]!) }
}

/** Classes as rows with a single 1, the form that categorical cross-entropy wants. */
export function oneHot(labels: Uint8Array): Float32Array {
  const rows = new Float32Array(labels.length * classes)
  for (const [row, label] of labels.entries()) rows[row * classes + label] = 1
  return rows
}
