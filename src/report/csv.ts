import type { Cell, Rows } from './types.ts'

/** Rows of a piece: some hundred kilobytes. */
const many = 10_000

/** A table as CSV after RFC 4180: a header line, CRLF line ends, empty cells for missing values, full precision. */
export function toCsv({ columns, rows }: Rows): string {
  return [...csvPieces({ columns, rows })].join('')
}

/** The same in pieces: of millions of rows there is no string that holds them all. */
export function* csvPieces({ columns, rows }: Rows): Iterable<string> {
  let lines = [line(columns)]
  for (const row of rows) {
    lines.push(line(row))
    if (lines.length < many) continue
    yield lines.join('')
    lines = []
  }
  yield lines.join('')
}

function line(cells: readonly Cell[]): string {
  return `${cells.map(field).join(',')}\r\n`
}

function field(cell: Cell): string {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
