import type { Row } from './rows.ts'

const head = ['', 'contestant', 'median', 'quartiles', 'least', 'ratio', 'goal', '']

/** Rows as aligned text. */
export function table(rows: readonly Row[]): string {
  let last = ''
  const lines = rows.map((row) => {
    const what = row.what === last ? '' : row.what
    last = row.what
    return [what, ...cells(row)]
  })
  const all = [head, ...lines]
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]!.length)))
  const right = [2, 3, 4, 5, 6]
  return all
    .map((line) =>
      line.map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n')
}

/** How many goals there were, and how many of them were met. */
export function verdict(rows: readonly Row[]): string {
  const goals = rows.filter(({ met }) => met !== null)
  return `${goals.filter(({ met }) => met).length} of ${goals.length} goals met`
}

function cells(row: Row): string[] {
  const { contestant, value, least, unit, spread, ratio, ratioSpread, against, meaning, goal, by, met } = row
  const [low, high] = ratioSpread ?? spread
  const compared = against === null ? '' : `${meaning === 'beyond' ? 'beyond' : 'against'} ${against}`
  return [
    against === null ? contestant : `  ${contestant} ${compared}`,
    `${digits(value)} ${unit}`,
    `${digits(low)} to ${digits(high)}`,
    against === null && typeof least === 'number' ? digits(least) : '',
    ratio === null ? '' : `${digits(ratio)}×`,
    goal === null ? '' : `${goal}${by === 'least' ? ' by the least' : ''}`,
    met === null ? '' : met ? 'met' : 'NOT MET',
  ]
}

/** Three digits; more only where they stand before the point. */
export function digits(value: number): string {
  const places = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(places, 6))
}
