import { constants } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'
import type { CurvatureResult, Named } from './curvature/results.ts'
import { namedResults } from './curvature/view.ts'
import type { Plottable } from './types.ts'

const [format, version] = ['saltflat.curvature', 1]
/** What JSON has no word for. */
const words = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, '-Infinity': Number.NEGATIVE_INFINITY }

/** Numbers of a vector in a piece. */
const many = 10_000

/**
 * A result as JSON: of curvature with format and version, numbers that are not finite as strings; of others as it is. In
 * pieces, for of vectors of millions of numbers there is no string that holds it all.
 */
export function toJson({ data }: Plottable): Iterable<string> {
  return Array.isArray(data) ? curvatureJson(data) : [`${JSON.stringify(data, null, 2)}\n`]
}

/** Results of curvature as `loadResult` reads them, and `more`, which it passes over. */
export function* curvatureJson(all: readonly Named<CurvatureResult>[], more: object = {}): Iterable<string> {
  const single = all.length === 1 && all[0]!.name === ''
  const held = single
    ? { result: all[0]!.result }
    : { results: Object.fromEntries(all.map((one) => [one.name, one.result])) }
  const vectors: Float32Array[] = []
  // Where a vector belongs stands what no text has in it.
  const mark = randomUUID()
  const replacer = (_key: string, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return worded(value)
    vectors.push(value as Float32Array)
    return mark
  }
  const text = `${JSON.stringify({ format, version, ...held, ...more }, replacer, 1)}\n`
  for (const [i, part] of text.split(`"${mark}"`).entries()) {
    yield part
    if (i < vectors.length) yield* listed(vectors[i]!)
  }
}

function worded(value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

function* listed(vector: Float32Array): Iterable<string> {
  yield '['
  for (let from = 0; from < vector.length; from += many) {
    const numbers = JSON.stringify(Array.from(vector.subarray(from, from + many), worded)).slice(1, -1)
    yield from === 0 ? numbers : `,${numbers}`
  }
  yield ']'
}

/** Undoes `worded`: names stay text, vectors are arrays of f32 again. */
function reviver(key: string, value: unknown): unknown {
  if (key === 'vectors' && Array.isArray(value)) return value.map((one) => Float32Array.from(one as number[]))
  if (isDiagonal(value)) {
    const [values, standardErrors] = [value.values, value.standardErrors].map((one) =>
      Float32Array.from(one as number[]),
    )
    return { ...value, values, standardErrors }
  }
  return typeof value === 'string' && key !== 'name' && Object.hasOwn(words, value)
    ? words[value as keyof typeof words]
    : value
}

function isDiagonal(value: unknown): value is { values: unknown; standardErrors: unknown } {
  const { method, values, standardErrors } = (value ?? {}) as Record<string, unknown>
  return /-diagonal$/.test(String(method)) && Array.isArray(values) && Array.isArray(standardErrors)
}

/**
 * What `save` wrote as `.json`: the result, or several by name.
 *
 * Throws ERR_STATE for a file that is damaged or none of ours, ERR_INVALID_ARGUMENT for one that cannot be read,
 * ERR_UNSUPPORTED for one longer than a string may be (512 MiB; in `save`'s file a number takes some 20 bytes).
 *
 * @example
 * await save(await trace(hessian(model, x, y)), 'report/trace.json')
 * const again = await loadResult('report/trace.json')
 */
export async function loadResult(path: string): Promise<CurvatureResult | Readonly<Record<string, CurvatureResult>>> {
  if (typeof path !== 'string' || path === '') throw invalid('a path of a file', path)
  const text = await textOf(path).catch((cause: Error) => {
    if (cause instanceof SaltflatError) throw cause
    const message = `Expected a file that can be read, received ${cause.message}.`
    throw new SaltflatError('ERR_INVALID_ARGUMENT', message, { cause })
  })
  try {
    const file = JSON.parse(text, reviver)
    if (file.format !== format || file.version !== version) {
      throw new TypeError(`${file.format} of version ${file.version}`)
    }
    const found = file.result ?? file.results
    namedResults(found)
    return found
  } catch (cause) {
    throw new SaltflatError(
      'ERR_STATE',
      `Expected ${format} of version ${version} in '${path}', received another file, or a damaged one: ${(cause as Error).message}`,
      { cause },
    )
  }
}

async function textOf(path: string): Promise<string> {
  const { size } = await stat(path)
  if (size <= constants.MAX_STRING_LENGTH) return readFile(path, 'utf8')
  throw new SaltflatError(
    'ERR_UNSUPPORTED',
    `Expected at most ${constants.MAX_STRING_LENGTH} bytes of JSON, received ${size}. Save such a result as .npy, and eigenvectors with encodeNpy.`,
  )
}
