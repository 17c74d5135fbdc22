import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { SaltflatError, shown } from '../errors.ts'
import { toCsv } from './csv.ts'
import { figure } from './figure.ts'
import { toHtml } from './html.ts'
import { drawPng } from './png.ts'
import type { Plottable } from './types.ts'
import { type Result, viewOf } from './views.ts'

/** A file format `save` writes. */
export type Format = 'html' | 'svg' | 'png' | 'json' | 'csv'

/** The file formats by extension. To add one, write `report/<ext>.ts`, a line here and its name above. */
const formats: Readonly<Record<Format, (view: Plottable) => string | Uint8Array | Promise<string | Uint8Array>>> = {
  html: toHtml,
  svg: figure,
  png: async (view) => drawPng(await figure(view)),
  json: (view) => `${JSON.stringify(view.data, null, 2)}\n`,
  csv: (view) => toCsv(view.rows),
}

/**
 * Writes a result to `path` in the format of its extension: `.html` a page that needs no network, `.svg` and `.png` the
 * pictures, `.json` every figure, `.csv` one row a measurement. Missing folders are made. `format` overrides the extension.
 *
 * SVG and PNG need the optional packages vega and vega-lite, PNG also @resvg/resvg-js; without them HTML has no pictures.
 * Throws ERR_INVALID_ARGUMENT on another extension and ERR_UNSUPPORTED where a package is missing; then nothing is written.
 *
 * @example await save(result, 'report/comparison.html')
 */
export async function save(result: Result | Plottable, path: string, format?: Format): Promise<void> {
  const chosen = format ?? extname(path).slice(1).toLowerCase()
  if (!isFormat(chosen)) {
    const names = Object.keys(formats)
      .map((name) => `.${name}`)
      .join(', ')
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected a path ending in one of ${names}, received ${shown(path)}.`,
    )
  }
  const content = await formats[chosen](viewOf(result))
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}

function isFormat(name: string): name is Format {
  return Object.hasOwn(formats, name)
}
