// Makes programs of pages and doc comments: line n of a program is line n of its page, so that errors say where.
import { type Block, blocks } from '../helpers/markdown.ts'

/** What a program must print: the `// → …` and `// throws …` comments of its page, in order; `…` stands for anything. */
const expectation = /\/\/ (?:→|(?=throws ))(.*)$/

/** A page as a program: its blocks in one scope, those that end in a throw in scopes of their own. */
export function pageProgram(text: string): string {
  const lines = text.split('\n').fill('')
  for (const block of blocks(text).filter(({ language }) => language === 'ts')) {
    for (const [i, line] of block.lines.entries()) lines[block.opens + 1 + i] = line
    if (!throws(block)) continue
    lines[block.opens] = 'try {'
    lines[block.closes] = [
      "console.log('throws nothing') } catch (error) {",
      'const { code, message } = error as { code?: string; message: string }; console.log("throws " + code + ": " + message) }',
    ].join(' ')
  }
  return `${lines.join('\n')}\nexport {}\n`
}

/** The `@example`s of a source file, each in a scope of its own; `first` is a line that tells where names come from. */
export function examplesProgram(text: string, first: string): string {
  const lines = text.split('\n').fill('')
  for (const { opens, lines: code } of examples(text)) {
    lines[opens] += '{'
    for (const [i, line] of code.entries()) lines[opens + 1 + i] = line
    lines[opens + 1 + code.length] += '} '
  }
  lines[0] = first
  return lines.join('\n')
}

/** The `@example`s of a source file, without the stars of their comments. */
export function examples(text: string): { opens: number; lines: string[] }[] {
  const all = text.split('\n')
  const starts = [...all.keys()].filter((at) => /^\s*\* @example\b/.test(all[at]!))
  return starts.map((opens) => {
    const length = all.slice(opens + 1).findIndex((line) => /^\s*(\*\/|\* @)/.test(line))
    return { opens, lines: all.slice(opens + 1, opens + 1 + length).map((line) => line.replace(/^\s*\* ?/, '')) }
  })
}

/** What a program must print, as an expression over its output as `onOneLine` gives it. */
export function expectedOutput(program: string): RegExp {
  const lines = program.split('\n').flatMap((line) => expectation.exec(line)?.[1] ?? [])
  const escaped = onOneLine(lines.join(' ')).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/ ?…/g, '.*?')}$`)
}

/** How a text is laid out does not count. */
export function onOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

function throws({ lines }: Block): boolean {
  return lines.some((line) => line.startsWith('// throws '))
}
