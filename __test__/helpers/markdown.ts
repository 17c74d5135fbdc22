import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** The text of a file of the repository. */
export function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Markdown files that are committed, or are about to be. */
export const pages: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
  { cwd: root, encoding: 'utf8' },
)
  .trim()
  .split('\n')

/** A fenced block, or a hidden one: `<!-- ts` … `-->` holds what readers know and a program must be told. */
export interface Block {
  readonly language: string
  /** Index of the line that opens it. */
  readonly opens: number
  readonly closes: number
  readonly lines: readonly string[]
}

/** All blocks of a page, in order. */
export function blocks(text: string): Block[] {
  const found: Block[] = []
  const all = text.split('\n')
  for (let opens = 0; opens < all.length; opens++) {
    const [, fence, language] = /^(```|<!-- (?=ts$))(\w*)/.exec(all[opens]!) ?? []
    if (fence === undefined) continue
    const end = fence === '```' ? '```' : '-->'
    const closes = all.indexOf(end, opens + 1)
    if (closes < 0) throw new Error(`The block of line ${opens + 1} does not end.`)
    found.push({ language: language!, opens, closes, lines: all.slice(opens + 1, closes) })
    opens = closes
  }
  return found
}

/** The text outside of fenced blocks and comments, with its lines where they were. */
export function prose(text: string): string {
  const lines = text.split('\n')
  for (const { opens, closes } of blocks(text)) lines.fill('', opens, closes + 1)
  return lines.join('\n').replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ''))
}

/** Headings as GitHub's anchors. */
export function anchors(text: string): Set<string> {
  const found = new Set<string>()
  for (const [, heading] of prose(text).matchAll(/^#{1,6} +(.*?) *$/gm)) {
    const slug = heading!
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-')
    let unique = slug
    for (let n = 1; found.has(unique); n++) unique = `${slug}-${n}`
    found.add(unique)
  }
  return found
}
