import test from 'ava'
import type { Comparison } from '../../src/report/comparison.ts'
import { findings } from '../../src/report/findings.ts'
import { comparison, method } from './fixture.ts'

/** The findings as one line with plain blanks. */
const said = (changes: Partial<Comparison> = {}) => findings(comparison(changes)).join(' ').replaceAll('\u00a0', ' ')
const { adam, sam, nso } = comparison().methods as Required<Comparison['methods']>

test('NSO ahead', (t) => {
  t.is(
    said(),
    'Adam fitted the wrong labels: it repeats 98 % of the 108 in its training set, and its accuracy on clean test images ' +
      'fell from 74.5 % at its best to 55.4 % at the end. ' +
      'At equal gradient cost NSO ends at 76.8 %: 21.4 points ahead of Adam (55.4 %), 2.7 points ahead of SAM (74.1 %). ' +
      'It is 2.3 points ahead of Adam stopped at its best (74.5 %), a moment that only clean labels can tell. ' +
      "NSO's minimum is 31 times flatter than Adam's: smoothed trace 37.0 ± 2.1 against 1,151 ± 64 at sigma 0.08.",
  )
})

test('NSO level with one and behind the other', (t) => {
  const text = said({ methods: { adam: method(80, 80.2, 50, 2, 30), sam: method(77, 77, 40, 2, 10), nso } })
  t.regex(text, /Adam has not fitted the wrong labels \(it repeats 30 % of the 108/)
  t.regex(
    text,
    /NSO ends at 76\.8 %: 3\.2 points behind Adam \(80\.0 %\), level with SAM \(77\.0 %\), as far as one seed can tell/,
  )
  t.notRegex(text, /stopped at its best|ahead/)
})

test('Adam learnt the wrong labels without losing by it', (t) => {
  t.regex(
    said({ methods: { adam: method(75, 76, 900, 9, 90), nso } }),
    /yet lost little by it .*76\.0 % at its best and 75\.0 % at the end/,
  )
})

test('flatness: sharper, alike, or not measured', (t) => {
  t.regex(
    said({ methods: { adam: { ...adam, trace: 20, traceError: 1 }, nso } }),
    /NSO's minimum is 1\.9 times sharper/,
  )
  t.regex(
    said({ methods: { adam: { ...adam, trace: 36, traceError: 2 }, nso } }),
    /cannot be told apart: smoothed trace 37\.0/,
  )
  t.regex(said({ methods: { adam, nso: { ...nso, trace: -4 } } }), /NSO's minimum is flatter than Adam's/) // no ratio
  t.notRegex(said({ methods: { adam, nso: { ...nso, trace: null, traceError: null } } }), /minimum/)
})

test('a partial or a smoke run is not compared', (t) => {
  const partial = said({ complete: false, methods: { adam, sam } })
  t.regex(partial, /^Partial: .*Of 1,200 gradient evaluations each, they spent: Adam 1,200, SAM 1,200\.$/)
  t.regex(said({ size: 'smoke' }), /^This smoke run .* too short to compare the methods\.$/)
})
