import test from 'ava'
import { examples, examplesProgram, expectedOutput, onOneLine, pageProgram } from './program.ts'

const page = [
  '# Page',
  '<!-- ts',
  'const hidden = 1',
  '-->',
  '```ts',
  'console.log(hidden) // → 1',
  'console.log({ a: 0.1234 })',
  '// → { a: 0.12… }',
  '```',
  '```sh',
  'not a program',
  '```',
  '```ts',
  'fail()',
  '// throws ERR_X: Expected … received 1.',
  '```',
].join('\n')

test('a program has the lines of its page, and blocks that throw have scopes of their own', (t) => {
  const lines = pageProgram(page).split('\n')
  t.is(lines[2], 'const hidden = 1')
  t.is(lines[5], 'console.log(hidden) // → 1')
  t.is(lines[10], '')
  t.is(lines[12], 'try {')
  t.is(lines[13], 'fail()')
  t.regex(lines[15]!, /catch/)
})

test('all of the output must be said, in order', (t) => {
  const expected = expectedOutput(pageProgram(page))
  const right = '1\n{ a:\n  0.1234 }\nthrows ERR_X: Expected a, received 1.\n'
  t.regex(onOneLine(right), expected)
  for (const [what, wrong] of Object.entries({
    'another figure': right.replace('0.12', '0.13'),
    'a line too many': `${right}more\n`,
    'a line too few': right.replace('1\n', ''),
    'another code': right.replace('ERR_X', 'ERR_Y'),
    'nothing thrown': right.replace(/throws.*/, 'throws nothing'),
  })) {
    t.notRegex(onOneLine(wrong), expected, what)
  }
})

test('a page that says nothing must print nothing', (t) => {
  t.regex('', expectedOutput('console.log(1)'))
  t.notRegex('1', expectedOutput('console.log(1)'))
})

test('examples of doc comments have scopes of their own, in their lines', (t) => {
  const source = [
    'import x',
    '/**',
    ' * @example',
    ' * const a = 1',
    ' *',
    ' * @returns nothing',
    ' */',
    '/**',
    ' * @example',
    ' * const a = 2',
    ' */',
  ]
  t.deepEqual(
    examples(source.join('\n')).map(({ opens, lines }) => [opens, ...lines]),
    [
      [2, 'const a = 1', ''],
      [8, 'const a = 2'],
    ],
  )
  t.is(examplesProgram(source.join('\n'), 'names'), 'names\n\n{\nconst a = 1\n\n} \n\n\n{\nconst a = 2\n} ')
})
