import { escapeXml } from './markup.ts'
import { fontFamily, ink, quiet, themed } from './plot.ts'
import { drawSvg } from './svg.ts'
import { wrap } from './text.ts'
import type { Chart, Plottable, Table } from './types.ts'

const margin = 32
const gap = 40
const chartWidth = 500
const chartHeight = 270
const captionHeight = 50
const width = 2 * margin + gap + 2 * chartWidth

/** A whole result as one SVG: title, findings, table, two charts a row, notes. It refers to nothing outside itself. */
export async function figure(view: Plottable): Promise<string> {
  // A chart alone has the whole width.
  const [across, high] =
    view.charts.length === 1 ? [2 * chartWidth + gap, 1.4 * chartHeight] : [chartWidth, chartHeight]
  const charts = await Promise.all(view.charts.map(({ spec }) => drawSvg(themed(spec, across, high))))
  const parts: string[] = []
  let y = margin + 20
  const line = (text: string, size: number, colour: string, weight = 'normal', height = size * 1.45) => {
    parts.push(label(text, margin, y, size, colour, weight))
    y += height
  }

  line(view.title, 24, ink, 'bold', 34)
  for (const text of wrap(view.subject, 150)) line(text, 13, quiet)
  y += 12
  for (const sentence of view.summary) {
    for (const text of wrap(sentence, 125)) line(text, 15, ink)
    y += 4
  }
  y += 12
  parts.push(drawTable(view.table, y))
  y += 28 * (view.table.rows.length + 1) + 28
  for (const [index, chart] of view.charts.entries()) {
    const x = margin + (index % 2) * (chartWidth + gap)
    parts.push(heading(chart, x, y + 8), place(charts[index]!, x, y + captionHeight))
    if (index % 2 === 1 || index === view.charts.length - 1) y += captionHeight + high + 34
  }
  y += 4
  for (const note of view.notes) for (const text of wrap(note, 150)) line(text, 12, quiet)
  const height = Math.ceil(y + margin - 12)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeXml(fontFamily)}">
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`
}

function drawTable({ columns, rows }: Table, top: number): string {
  // The first column takes what it needs for a name; the others share the rest.
  const first = Math.max(90, ...rows.map(([name]) => 9 * String(name ?? '').length))
  const step = (width - 2 * margin - first) / Math.max(columns.length - 1, 1)
  const row = (cells: Table['rows'][number], y: number, colour: string) =>
    cells.map((cell, column) => {
      const text = cell === null ? '–' : String(cell)
      if (column === 0) return label(text, margin, y, 14, ink, 'bold')
      return label(text, margin + first + column * step, y, 14, colour, 'normal', 'end')
    })
  const ruleY = top + 9
  return [
    ...row(columns, top, quiet),
    `<line x1="${margin}" x2="${width - margin}" y1="${ruleY}" y2="${ruleY}" stroke="${ink}" stroke-width="1.5"/>`,
    ...rows.flatMap((cells, index) => row(cells, top + 28 * (index + 1) + 3, ink)),
  ].join('\n')
}

function heading({ title, caption }: Chart, x: number, y: number): string {
  return `${label(title, x, y, 16, ink, 'bold')}\n${label(caption, x, y + 20, 12.5, quiet)}`
}

/** A drawn chart inside the picture: a nested svg element keeps its own coordinates. */
function place(svg: string, x: number, y: number): string {
  return svg.replace(/^<svg /, `<svg x="${x}" y="${y}" `)
}

function label(
  text: string,
  x: number,
  y: number,
  size: number,
  colour: string,
  weight = 'normal',
  anchor = 'start',
): string {
  return `<text x="${x}" y="${y.toFixed(1)}" font-size="${size}" fill="${colour}" font-weight="${weight}" text-anchor="${anchor}">${escapeXml(text)}</text>`
}
