import { percent } from '../report/text.ts'

/** Where progress goes: a terminal redraws one line, anything else gets lines now and then. */
export interface Screen {
  /** Whether it is a terminal. */
  readonly isTTY?: boolean
  /** Its width. */
  readonly columns?: number
  /** Takes text as it is. */
  write(text: string): unknown
}

/** Cells of the bar: the line fits 80 columns with three methods. */
const width = 12

/** Takes the line of the bar away, so that text can follow. */
export const cleared = '\r\x1b[2K'

/** One line over the last one: bar, share done, time left after `elapsed` milliseconds, and `text`. */
export function barLine(share: number, elapsed: number, text: string, { columns }: Screen): string {
  const left = share > 0 ? (elapsed * (1 - share)) / share : Number.NaN
  const filled = Math.min(Math.floor(share * width), width)
  const line = `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${percent(100 * share, 0)}  ${clock(left)} left  ${text}`
  return `${cleared}${line.slice(0, (columns || 80) - 1)}`
}

/** Seconds as `0:07` or `12:30`. */
function clock(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return '–:––'
  const seconds = Math.ceil(milliseconds / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
