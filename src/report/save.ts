import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'
import { suggestion } from '../suggestion.ts'
import { csvPieces } from './csv.ts'
import type { CurvatureResult } from './curvature/results.ts'
import { curvatureView, namedResults } from './curvature/view.ts'
import { figure } from './figure.ts'
import { toHtml } from './html.ts'
import { toJson } from './json.ts'
import { toNpy } from './npy.ts'
import { drawPng } from './png.ts'
import { replaceFile } from './replace-file.ts'
import type { Plottable } from './types.ts'
import { toVegaLite } from './vega-lite.ts'

/** A file format `save` writes. */
export type Format = 'html' | 'svg' | 'png' | 'json' | 'csv' | 'npy' | 'vl.json'

type Content = string | Uint8Array | Iterable<string>
type Writer = (view: Plottable) => Content | Promise<Content>

/** The file formats by extension. To add one, write `report/<ext>.ts`, a line here and its name above. */
const formats: Readonly<Record<Format, Writer>> = {
  html: toHtml,
  svg: figure,
  png: async (view) => drawPng(await figure(view)),
  json: toJson,
  csv: (view) => csvPieces(view.rows),
  npy: toNpy,
  'vl.json': toVegaLite,
}

/**
 * Writes what was measured of curvature to a file, in the format of its extension.
 *
 * `.html` is a page that needs no network, `.svg` and `.png` the picture of it, `.vl.json` the Vega-Lite specification alone;
 * `.json` holds the whole result, which `loadResult` reads up to 512 MiB; `.csv` has a row for each point, layer or eigenvalue; `.npy` is one
 * float64 array: for `spectralDensity` a row (eigenvalue, density, deviation) for each point of the grid, for `trace`
 * (trace, standard error) for each layer, for `diagonal` (value, standard error) for each element, for `topEigenvalues` (eigenvalue, residual), for `noiseStability` (sigma, rise,
 * standard error, quadratic, its standard error), for `lossSlice` the loss with an axis for each direction. Results of one
 * kind in an object are shown beside each other by their names, and named in the first column of a `.csv`. `format` overrides
 * the extension. Missing folders are made; a file is replaced as a whole or not at all.
 *
 * SVG and PNG need the optional packages vega and vega-lite, PNG also @resvg/resvg-js; HTML without them has no picture.
 * Throws ERR_UNSUPPORTED where one is missing, and ERR_INVALID_ARGUMENT for another extension, for what is no result,
 * for several in one `.npy`, and for a place that cannot be written to.
 *
 * @example
 * await save(await spectralDensity(hessian(model, x, y)), 'report/spectrum.json')
 */
export async function save(
  result: CurvatureResult | Readonly<Record<string, CurvatureResult>>,
  path: string,
  format?: Format,
): Promise<void> {
  const named = namedResults(result)
  // Before seconds of drawing.
  formatOf(path, format)
  await saveView(curvatureView(named), path, format)
}

/** Writes any text and pictures to `path`; see `save`. */
export async function saveView(view: Plottable, path: string, format?: Format): Promise<void> {
  const content = await formats[formatOf(path, format)](view)
  try {
    await replaceFile(path, content)
  } catch (cause) {
    const { message } = cause as Error
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected a path that can be written to, received ${message}.`, {
      cause,
    })
  }
}

/** The format that a path, or `format`, asks for. Throws ERR_INVALID_ARGUMENT. */
export function formatOf(path: string, format?: Format): Format {
  const names = Object.keys(formats) as Format[]
  if (typeof path !== 'string' || path === '') throw invalid('a path for the file', path)
  const file = path.split(/[\\/]/).at(-1)!.toLowerCase()
  const [extension] =
    format === undefined
      ? names.filter((name) => file.endsWith(`.${name}`)).sort((a, b) => b.length - a.length)
      : [format]
  if (extension !== undefined && Object.hasOwn(formats, extension)) return extension
  const meant = suggestion(String(format ?? file.split('.').at(-1)), names)
  const known = names.map((name) => `.${name}`).join(', ')
  const advice = meant === undefined ? '' : `Did you mean '.${meant}'?`
  if (format !== undefined) throw invalid(`one of ${known} for format`, format, advice)
  throw invalid(`a path ending in one of ${known}`, path, advice)
}
