// What the benches found: the rows that a result itself calls its headlines, and the machine behind them.
import { figure, markdown, measuredOn, results } from './markdown.mjs'

const none = 'Nothing measured yet: `npm run bench -- --save`.'

export function benches() {
  const found = results(/\.json$/).filter(({ kind, rows }) => kind === 'bench' && rows.some(({ headline }) => headline))
  const rows = found.flatMap((one) => one.rows.filter(({ headline }) => headline).map(cells))
  if (rows.length === 0) return none
  const machines = grouped(found, measuredOn)
  const lines = [...machines].map(([text, of]) => `${of.map(({ rows: [row] }) => row.question).join(', ')}: ${text}.`)
  const head = ['', 'saltflat', 'takes', 'which is']
  return [markdown(head, rows, ['takes']), 'Measured on:', lines.map((line) => `- ${line}`).join('\n')].join('\n\n')
}

function cells({ what, contestant, value, unit, ratio, against, meaning }) {
  const name = contestant.replace(/^saltflat, /, '')
  const said = {
    faster: () =>
      ratio < 1 ? `**${figure(1 / ratio)}×** as long as ${against}` : `**${figure(ratio)}×** faster than ${against}`,
    cost: () => `**${figure(ratio)}×** the time of ${against}`,
    beyond: () => `what it takes beyond ${against}`,
  }
  return [what, name, `${figure(value)} ${unit}`, said[meaning]?.() ?? '']
}

/** `Map.groupBy`, which Node 20 lacks. */
function grouped(list, key) {
  const groups = new Map()
  for (const one of list) groups.set(key(one), [...(groups.get(key(one)) ?? []), one])
  return groups
}
