import { invalid } from '../../options.ts'
import { suggestion } from '../../suggestion.ts'
import type { Plottable } from '../types.ts'
import { densityView } from './density-view.ts'
import { diagonalView } from './diagonal-view.ts'
import { eigenvaluesView } from './eigenvalues-view.ts'
import type { CurvatureResult, Named } from './results.ts'
import { sliceView } from './slice-view.ts'
import { stabilityView } from './stability-view.ts'
import { traceView } from './trace-view.ts'

type Method = CurvatureResult['method']

/** What makes a view of each method, and which of its fields are lists that must not be empty. To add one, add a line. */
const table: Readonly<Record<Method, { view: (all: never) => Plottable; lists: readonly string[] }>> = {
  'lanczos-quadrature': { view: densityView, lists: ['runs', 'grid', 'density', 'spread', 'moments'] },
  hutchinson: { view: traceView, lists: ['perLayer'] },
  'hutch++': { view: traceView, lists: ['perLayer'] },
  'hutchinson-diagonal': { view: diagonalView, lists: ['values', 'standardErrors', 'perLayer'] },
  'exact-diagonal': { view: diagonalView, lists: ['values', 'standardErrors', 'perLayer'] },
  lanczos: { view: eigenvaluesView, lists: ['values', 'residuals', 'converged'] },
  'noise-stability': { view: stabilityView, lists: ['points'] },
  'loss-slice': { view: sliceView, lists: ['axes', 'loss'] },
}

const what =
  'a result of spectralDensity, trace, diagonal, topEigenvalues, noiseStability or lossSlice, or an object of such by name'

/** Results by name; the name of a single one is empty. Throws ERR_INVALID_ARGUMENT for what is none. */
export function namedResults(given: unknown): Named<CurvatureResult>[] {
  if (typeof given !== 'object' || given === null) throw invalid(what, given)
  if (typeof (given as Partial<Promise<unknown>>).then === 'function') throw invalid(what, given, 'Await it first.')
  if ('method' in given && typeof given.method === 'string') return [{ name: '', result: checked(given) }]
  const all = Object.entries(given).map(([name, result]) => ({ name, result: checked(result) }))
  if (all.length === 0) throw invalid(`${what}, at least one`, given)
  return all
}

/** Text and pictures of results of one kind. */
export function curvatureView(all: readonly Named<CurvatureResult>[]): Plottable {
  const [first] = all
  const { view } = table[first!.result.method]
  const other = all.find(({ result }) => table[result.method].view !== view)
  if (other !== undefined) {
    const both = `'${first!.result.method}' and '${other.result.method}'`
    throw invalid('results of one kind', `${both}`, 'Save each kind to a file of its own.')
  }
  try {
    return view(all as never)
  } catch (error) {
    // Somebody's own object: its lists are there, but not what is in them.
    if (error instanceof TypeError) throw invalid(what, first!.result)
    throw error
  }
}

function checked(result: unknown): CurvatureResult {
  const { method } = (result ?? {}) as { method?: unknown }
  if (typeof method !== 'string' || !Object.hasOwn(table, method)) {
    if (typeof method !== 'string') throw invalid(what, result)
    const meant = suggestion(method, Object.keys(table))
    throw invalid(
      what,
      result,
      meant === undefined ? `Its method is '${method.slice(0, 60)}'.` : `Did you mean the method '${meant}'?`,
    )
  }
  for (const list of table[method as Method].lists) {
    const values = (result as Record<string, unknown>)[list]
    if (!(Array.isArray(values) || values instanceof Float32Array) || values.length === 0) {
      throw invalid(`values in '${list}' of a result of '${method}'`, values)
    }
  }
  return result as CurvatureResult
}
