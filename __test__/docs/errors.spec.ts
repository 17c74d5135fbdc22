import test from 'ava'
import { blocks, textOf } from '../helpers/markdown.ts'

const page = textOf('docs/errors.md')
const codes = [...textOf('src/errors.ts').matchAll(/^ {2}\| '(ERR_\w+)'/gm)].map(([, code]) => code!)
/** What no page can bring about. */
const withoutExample = ['ERR_CUDA', 'ERR_NO_BINARY', 'ERR_NO_DEVICE', 'ERR_OUT_OF_MEMORY', 'ERR_PANIC']

const sections = page.split(/^## /m).slice(1)
const named = sections.map((section) => section.split('\n', 1)[0]!)

test('every code has a section, and no other', (t) => {
  t.true(codes.length > 0)
  t.deepEqual(named.toSorted(), codes.toSorted())
})

test('every section shows its code thrown, but for those that cannot be', (t) => {
  const shown = sections.filter((section, i) => {
    const lines = blocks(section).flatMap(({ language, lines }) => (language === 'ts' ? lines : []))
    return lines.some((line) => line.startsWith(`// throws ${named[i]}: `))
  })
  const silent = named.filter((_, i) => !shown.includes(sections[i]!))
  t.deepEqual(silent.toSorted(), withoutExample)
})
