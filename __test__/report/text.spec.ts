import test from 'ava'
import { toCsv } from '../../src/report/csv.ts'
import { toText, withError, wrap } from '../../src/report/text.ts'
import { viewOf } from '../../src/report/views.ts'
import { comparison } from './fixture.ts'

test('the table of a comparison', (t) => {
  t.is(
    toText(viewOf(comparison()).table).replaceAll('\u00a0', ' '),
    [
      '      test accuracy at the end  best of ten  train loss  test loss  smoothed trace  ms a step  steps',
      '─'.repeat(100),
      'Adam                    55.4 %       74.5 %       0.575      1.192      1,151 ± 64       43.2  1,200',
      'SAM                     74.1 %       77.0 %       0.575      0.818      98.2 ± 5.1       43.2  1,200',
      'NSO                     76.8 %       76.8 %       0.575      0.764      37.0 ± 2.1       43.2  1,200',
    ].join('\n'),
  )
})

test('a value is rounded to two digits of its error', (t) => {
  const cases: [number | null, number | null, string][] = [
    [1151.3, 64.2, '1,151 ± 64'],
    [37.04, 2.13, '37.0 ± 2.1'],
    [0.01234, 0.00056, '0.01234 ± 0.00056'],
    [0.000951, 0.00008, '9.51e-4 ± 8.0e-5'],
    [12345, 678, '12,345 ± 678'],
    [-3.2, 0.5, '-3.20 ± 0.50'],
    [37.04, Number.POSITIVE_INFINITY, '37.0'],
    [1234, null, '1,234'],
    [null, null, '–'],
  ]
  for (const [value, error, text] of cases) t.is(withError(value, error).replaceAll('\u00a0', ' '), text)
})

test('wrap breaks at blanks only', (t) => {
  t.deepEqual(wrap('one two three', 7), ['one two', 'three'])
  t.deepEqual(wrap('a\u00a0b c', 3), ['a\u00a0b', 'c'])
  t.deepEqual(wrap('incomprehensible', 5), ['incomprehensible'])
})

test('csv quotes what needs it and leaves missing values empty', (t) => {
  t.is(
    toCsv({
      columns: ['a', 'b'],
      rows: [
        ['x,"y"', null],
        ['line\nbreak', 0.1],
      ],
    }),
    'a,b\r\n"x,""y""",\r\n"line\nbreak",0.1\r\n',
  )
})
