import type { ExecutionContext, TestFn } from 'ava'
import { withKernels } from '../../../src/grads/kernels/index.ts'
import { backends } from '../../helpers/backends.ts'
import { difference, tf } from './helper.ts'

/** Long enough for float32, and shorter than the distance of two values, or of one from 0: no kink is stepped over. */
const STEP = 1.5e-3

/** Unequal numbers in −1 … 1. */
export function values(size: number, seed: number): Float32Array {
  const step = [7, 11, 13, 17, 19, 23].find((n) => size % n !== 0)!
  return Float32Array.from({ length: size }, (_, i) => (2 * ((i * step + 5) % size) + 0.5 + seed / 4) / size - 1)
}

/** What tfjs says of a loss on one backend, with saltflat's kernels. */
export interface Gradients {
  /** By each variable. */
  exact: number[][]
  /** The loss's difference along one direction of each, and the same from `exact`. */
  slopes: [difference: number, exact: number][]
}

/** Gradients of `loss`, which reads the variables anew each time. */
export function gradientsOf(backend: string, variables: readonly tf.Variable[], loss: () => tf.Scalar): Gradients {
  const exact = tf.tidy(() => {
    const { grads } = withKernels(backend, () => tf.variableGrads(loss, [...variables]))
    return variables.map(({ name }) => [...grads[name]!.dataSync()])
  })
  const slopes = variables.map((variable, i): [number, number] => {
    const start = variable.dataSync().slice() as Float32Array
    const direction = values(start.length, 2)
    const at = (step: number) =>
      tf.tidy(() => {
        variable.assign(
          tf.tensor(
            start.map((v, k) => v + step * direction[k]!),
            variable.shape,
          ),
        )
        return withKernels(backend, loss).dataSync()[0]!
      })
    const found = (at(STEP) - at(-STEP)) / (2 * STEP)
    tf.tidy(() => variable.assign(tf.tensor(start, variable.shape)))
    return [found, exact[i]!.reduce((sum, g, k) => sum + g * direction[k]!, 0)]
  })
  return { exact, slopes }
}

/** One test a row: its cases have the gradients that differences say, on every backend the same. */
export function agreeEverywhere<T>(
  test: TestFn,
  cases: Readonly<Record<string, readonly T[]>>,
  gradientsOn: (backend: string, one: T) => Promise<Gradients>,
): void {
  for (const [name, list] of Object.entries(cases)) {
    test.serial(`${name}: the gradient equals differences, and is the same on every backend`, async (t) => {
      for (const [i, one] of list.entries()) {
        const found = new Map<string, Gradients>()
        for (const backend of backends) found.set(backend, await gradientsOn(backend, one))
        agree(t, String(i), found)
      }
    })
  }
}

/** Each backend's gradient agrees with its own differences, and with that of the last backend. */
function agree(t: ExecutionContext, label: string, found: ReadonlyMap<string, Gradients>): void {
  const reference = [...found.values()].at(-1)!
  for (const [backend, { exact, slopes }] of found) {
    for (const [k, [along, slope]] of slopes.entries()) {
      // What float32 sums of about a hundred leave of a difference.
      const scale = Math.hypot(...exact[k]!) + 0.1
      t.true(Math.abs(along - slope) / scale < 0.02, `${backend}, ${label}, ${k}: ${along}, not ${slope}`)
    }
    t.is(exact.length, reference.exact.length)
    for (const [k, one] of exact.entries()) {
      const error = difference(one, reference.exact[k]!)
      t.true(error < 1e-4, `${backend}, ${label}, ${k}: off by ${error}`)
    }
  }
}
