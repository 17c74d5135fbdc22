import { readFile } from 'node:fs/promises'
import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'
import type { CurvatureResult, Named } from './curvature/results.ts'
import { namedResults } from './curvature/view.ts'
import type { Plottable } from './types.ts'

const [format, version] = ['saltflat.curvature', 1]
/** What JSON has no word for. */
const words = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, '-Infinity': Number.NEGATIVE_INFINITY }

/** A result as JSON: of curvature with format and version, numbers that are not finite as strings; of others as it is. */
export function toJson({ data }: Plottable): string {
  return Array.isArray(data) ? curvatureJson(data) : `${JSON.stringify(data, null, 2)}\n`
}

/** Results of curvature as `loadResult` reads them, and `more`, which it passes over. */
export function curvatureJson(all: readonly Named<CurvatureResult>[], more: object = {}): string {
  const single = all.length === 1 && all[0]!.name === ''
  const held = single
    ? { result: all[0]!.result }
    : { results: Object.fromEntries(all.map((one) => [one.name, one.result])) }
  return `${JSON.stringify({ format, version, ...held, ...more }, replacer, 1)}\n`
}

function replacer(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value
}

/** Undoes `replacer`: names stay text, vectors are arrays of f32 again. */
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
 * Throws ERR_STATE for a file that is damaged or none of ours, ERR_INVALID_ARGUMENT for one that cannot be read.
 *
 * @example
 * await save(await trace(hessian(model, x, y)), 'report/trace.json')
 * const again = await loadResult('report/trace.json')
 */
export async function loadResult(path: string): Promise<CurvatureResult | Readonly<Record<string, CurvatureResult>>> {
  if (typeof path !== 'string' || path === '') throw invalid('a path of a file', path)
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
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
