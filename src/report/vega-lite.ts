import { themed } from './plot.ts'
import type { Plottable } from './types.ts'

/** The pictures of a result as one Vega-Lite specification, for notebooks, tfjs-vis or the online editor. */
export function toVegaLite({ title, charts }: Plottable): string {
  const specs = charts.map(({ title: text, caption, spec }) => {
    const { $schema, background, autosize, padding, config, ...view } = themed(spec, 560, 320)
    return {
      frame: { $schema, background, config },
      view: { ...view, title: { text, subtitle: caption, anchor: 'start' } },
    }
  })
  const frame = specs[0]?.frame ?? { $schema: themed({}, 0, 0).$schema }
  const [only] = specs
  const views = specs.map(({ view }) => view)
  const body = specs.length === 1 ? only!.view : { title, vconcat: views }
  return `${JSON.stringify({ ...frame, ...body }, null, 1)}\n`
}
