import { SaltflatError } from '../errors.ts'
import type { Spec } from './types.ts'

/**
 * Draws a Vega-Lite specification as SVG text, without a browser.
 * Throws ERR_UNSUPPORTED when the optional packages vega and vega-lite are not installed.
 */
export async function drawSvg(spec: Spec): Promise<string> {
  const { vega, vegaLite } = await drawing()
  const { spec: compiled } = vegaLite.compile(spec as never)
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logLevel: vega.Error })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

async function drawing() {
  try {
    const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
    return { vega, vegaLite }
  } catch (cause) {
    const advice = 'Run `npm i vega vega-lite`, or save as .json or .csv, which need neither.'
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Pictures need the optional packages vega and vega-lite, not found. ${advice}`,
      { cause },
    )
  }
}
