import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { SaltflatError } from '../errors.ts'

/**
 * Turns SVG text into a PNG on white, `scale` pixels for every SVG unit. Text is set in DejaVu Sans where the package
 * dejavu-fonts-ttf is installed, else in the system's fonts.
 * Throws ERR_UNSUPPORTED when the optional package @resvg/resvg-js is not installed.
 */
export async function drawPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await rasteriser()
  const image = new Resvg(svg, { background: 'white', fitTo: { mode: 'zoom', value: scale }, font: fonts() })
  return image.render().asPng()
}

async function rasteriser() {
  try {
    return await import('@resvg/resvg-js')
  } catch (cause) {
    const advice = 'Run `npm i @resvg/resvg-js`, or save as .svg or .html, which do without.'
    throw new SaltflatError('ERR_UNSUPPORTED', `PNG needs the optional package @resvg/resvg-js, not found. ${advice}`, {
      cause,
    })
  }
}

function fonts() {
  const family = { defaultFontFamily: 'DejaVu Sans', sansSerifFamily: 'DejaVu Sans' }
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf')
    return {
      ...family,
      loadSystemFonts: false,
      fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) => join(folder, file)),
    }
  } catch {
    return { ...family, loadSystemFonts: true }
  }
}
