import type { Table } from './types.ts'

/** A count with thousands separators: 3600 → `3,600`. */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** A number with a fixed number of decimals and thousands separators. */
export function decimal(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A share with its sign, kept on one line: `84.2 %`. */
export function percent(value: number, digits = 1): string {
  return `${decimal(value, digits)}\u00a0%`
}

/** Significant digits, as a power of ten where zeros would have to be counted: `1.56`, `0.0216`, `4.59e-4`. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  return size >= 0.01 && size < 1e5 ? String(Number(value.toPrecision(digits))) : value.toExponential(digits - 1)
}

/** A value and its standard error, both rounded to two significant digits of the error: `1,151 ± 64`, `3.70 ± 0.21`. */
export function withError(value: number | null, error: number | null): string {
  if (value === null) return '–'
  if (error === null || !Number.isFinite(error) || error <= 0) return decimal(value, Math.abs(value) < 100 ? 1 : 0)
  const digits = Math.max(1 - Math.floor(Math.log10(error)), 0)
  if (digits > 5) return `${significant(value)}\u00a0±\u00a0${significant(error, 2)}`
  return `${decimal(value, digits)}\u00a0±\u00a0${decimal(error, digits)}`
}

/** A table as lines of text for a terminal: the first column left-aligned, the others right-aligned, two blanks between. */
export function toText({ columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map((cell) => (cell === null ? '–' : String(cell))))]
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  )
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2))
  return [lines[0], rule, ...lines.slice(1)].map((line) => line!.trimEnd()).join('\n')
}

/** Text broken at blanks into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
