import { SaltflatError } from '../errors.ts'
import { escapeXml } from './markup.ts'
import { themed } from './plot.ts'
import { drawSvg } from './svg.ts'
import type { Chart, Plottable, Table } from './types.ts'

/** A result as one HTML page that needs no network: pictures are inline SVG, and there is no script. */
export async function toHtml(view: Plottable): Promise<string> {
  const [first, ...more] = view.summary
  const charts = await drawings(view.charts)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(view.title)}</title>
<style>${style}</style>
<main>
<h1>${escapeXml(view.title)}</h1>
<p class="subject">${escapeXml(view.subject)}</p>
<p class="lead">${escapeXml(first ?? '')}</p>
${more.map((sentence) => `<p>${escapeXml(sentence)}</p>`).join('\n')}
${toTable(view.table)}
<div class="charts">
${charts}
</div>
${section(
  'How to read this',
  'ul',
  view.notes.map((note) => `<li>${escapeXml(note)}</li>`),
)}
${section(
  'Settings',
  'dl',
  view.settings.map(([name, value]) => `<dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd>`),
)}
${view.command === undefined ? '' : `<h2>The same again</h2>\n<pre>${escapeXml(view.command)}</pre>`}
</main>
</html>
`
}

/** A list under its heading, where there is something in it. */
function section(title: string, list: 'ul' | 'dl', items: readonly string[]): string {
  return items.length === 0 ? '' : `<h2>${title}</h2>\n<${list}>${items.join('\n')}</${list}>`
}

async function drawings(charts: readonly Chart[]): Promise<string> {
  try {
    const figures = charts.map(async ({ title, caption, spec }) => {
      const svg = await drawSvg(themed(spec, 520, 290))
      return `<figure role="img" aria-label="${escapeXml(`${title}. ${caption}`)}">
<figcaption><strong>${escapeXml(title)}</strong><br>${escapeXml(caption)}</figcaption>
${svg}
</figure>`
    })
    return (await Promise.all(figures)).join('\n')
  } catch (error) {
    if (!(error instanceof SaltflatError && error.code === 'ERR_UNSUPPORTED')) throw error
    return `<p>No pictures: ${escapeXml(error.message)}</p>`
  }
}

function toTable({ columns, rows }: Table): string {
  const head = columns.map((column) => `<th scope="col">${escapeXml(column)}</th>`).join('')
  const body = rows.map(([name, ...cells]) => {
    const figures = cells.map((cell) => `<td>${escapeXml(String(cell ?? '–'))}</td>`).join('')
    return `<tr><th scope="row">${escapeXml(String(name ?? ''))}</th>${figures}</tr>`
  })
  return `<div class="table"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}

const style = `
body { margin: 0; background: #fff; color: #1f2933; font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", Arial, sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px }
h1 { font-size: 28px; line-height: 1.25; margin: 0 0 12px }
h2 { font-size: 18px; margin: 36px 0 8px }
p { max-width: 78ch; margin: 0 0 12px }
.subject { color: #5b6770 }
.lead { font-size: 19px }
.table { overflow-x: auto; margin: 24px 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: 7px 16px; text-align: right; white-space: nowrap }
th:first-child { text-align: left; padding-left: 0 }
thead th { font-weight: normal; color: #5b6770; border-bottom: 2px solid #1f2933 }
tbody tr + tr > * { border-top: 1px solid #e6e9ec }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 36px 40px; margin: 32px 0 }
figure { margin: 0 }
figcaption { color: #5b6770; font-size: 14px; margin-bottom: 8px }
figcaption strong { color: #1f2933; font-size: 16px }
svg { max-width: 100%; height: auto }
ul { padding-left: 20px; max-width: 90ch }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px }
dt { color: #5b6770 }
dd { margin: 0 }
pre { background: #f4f6f8; padding: 12px 16px; overflow-x: auto }
`
