import type { Cell, Table } from './types.ts'

/** A table as CSV after RFC 4180: a header line, CRLF line ends, empty cells for missing values, full precision. */
export function toCsv({ columns, rows }: Table): string {
  return [columns, ...rows].map((cells) => `${cells.map(field).join(',')}\r\n`).join('')
}

function field(cell: Cell): string {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
