import fc from 'fast-check'
import { SaltflatError } from '../../src/index.ts'
import { codes } from '../../src/native/errors.ts'
import { tf } from './backends.ts'

/**
 * How long and where random tests look: by default the same cases at every run, so that what fails today failed yesterday.
 * SALTFLAT_FUZZ_SEED (a number) and SALTFLAT_FUZZ_RUNS (times as many) look elsewhere.
 */
export const runs = (count: number): fc.Parameters<unknown> => ({
  seed: Number(process.env.SALTFLAT_FUZZ_SEED ?? 7),
  includeErrorInReport: true,
  numRuns: count * Number(process.env.SALTFLAT_FUZZ_RUNS ?? 1),
})

/** Numbers that break things, none of which asks for much memory where it is in range. */
const numbers = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, -1, 0.5, 1e39, -1e39, 5e-324, 1e-46],
  ...[2 ** 31 + 1, 2 ** 32, 2 ** 53, Number.MAX_VALUE],
]

/** A value of any kind, alone. */
export const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...numbers),
  fc.integer({ min: -2, max: 20 }),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.string({ maxLength: 8 }),
  fc.constantFrom<unknown>(null, undefined, true, false, Symbol.iterator, new Date(0), /x/g),
  fc.constantFrom<unknown>(
    () => 0.1,
    () => Number.NaN,
    () => {
      throw Object.create(null)
    },
    class {},
  ),
  fc.constantFrom('__proto__', 'constructor', 'gaussian', 'initial', 'both', 'last'),
)

/** A value of any kind, with others inside. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  leaf,
  // Alone: where a string is declared, Node-API's own message writes the value as JSON, which fails on one inside.
  fc.constant(3n),
  fc.anything({
    values: [leaf],
    maxDepth: 2,
    maxKeys: 4,
    withNullPrototype: true,
    withTypedArray: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
    withBoxedValues: true,
  }),
)

/** An object of some of these fields, each of them good or anything. */
export function nearly(good: Readonly<Record<string, readonly unknown[]>>): fc.Arbitrary<object> {
  const fields = Object.entries(good).map(
    ([name, values]) => [name, fc.oneof(fc.constantFrom(...values), leaf)] as const,
  )
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] })
}

/** Runs a call that may be refused: gives the code, or null; throws what is not typed, and a bug that is caught. */
export async function outcome(call: () => unknown): Promise<string | null> {
  try {
    await call()
    return null
  } catch (error) {
    if (!(error instanceof SaltflatError) || !Object.hasOwn(codes, error.code) || error.code === 'ERR_PANIC')
      throw error
    return error.code
  }
}

/** Runs something after which tfjs must hold what it held. */
export async function leaving<T>(run: () => Promise<T>): Promise<T> {
  const before = tf.memory()
  const random = Math.random
  const result = await run()
  const { numTensors, numBytes } = tf.memory()
  if (numTensors !== before.numTensors || numBytes !== before.numBytes) {
    throw new Error(`${numTensors - before.numTensors} tensors, ${numBytes - before.numBytes} bytes left behind`)
  }
  if (Math.random !== random) throw new Error('Math.random is another')
  return result
}
