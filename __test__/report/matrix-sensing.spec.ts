import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { MatrixSensing, SensingResult } from '../../src/report/matrix-sensing.ts'
import { saveView } from '../../src/report/save.ts'
import { significant } from '../../src/report/text.ts'
import { viewOf } from '../../src/report/views.ts'

const folder = await mkdtemp(join(tmpdir(), 'saltflat-'))
test.after.always(() => rm(folder, { recursive: true }))

/** A method whose errors fall by factors to `validation`. */
function method(validation: number, trainMse: number, size: number, passesPerStep: number): SensingResult {
  const curve = Array.from({ length: 101 }, (_, index) => ({
    step: 50 * index,
    validation: 36 * (validation / 36) ** (index / 100),
    distance: 6 * (validation / 36) ** (index / 200),
    trainMse: 36 * (trainMse / 36) ** (index / 100),
    size: 20 * (size / 20) ** (index / 100),
  }))
  const { step: steps, ...measures } = curve.at(-1)!
  return { ...measures, steps, passesPerStep, msPerStep: 6.25, curve }
}

function result(changes: Partial<MatrixSensing> = {}): MatrixSensing {
  return {
    gd: method(1.56, 4.6e-13, 4.49, 1),
    oneSided: method(2.7e-3, 2.9e-3, 0.99, 1),
    nso: method(4.6e-4, 3.4e-4, 0.993, 2),
    kind: 'matrix-sensing',
    complete: true,
    smoke: false,
    version: '1.2.3',
    machine: { processor: 'a processor', cores: 2, node: '20.0.0', tfjs: '4.22.0' },
    backend: 'tfjs-node',
    dimension: 100,
    rank: 5,
    measurements: 2500,
    seed: 7,
    steps: 5000,
    sigma: 0.08,
    learningRate: 0.0025,
    seconds: 143.2,
    command: 'npm run matrix-sensing -- --seed 7',
    ...changes,
  }
}

test('numbers that differ by factors are read at a glance', (t) => {
  const shown = [1.5584, 0.021617, 0.00045867, 4.6123e-13, 0, 123.4, -0.5].map((value) => significant(value))
  t.deepEqual(shown, ['1.56', '0.0216', '4.59e-4', '4.61e-13', '0', '123', '-0.5'])
})

test('the findings are those of the figures, whichever way they point', (t) => {
  const { summary } = viewOf(result())
  t.regex(summary[0]!, /fits its measurements to 4\.60e-13 and has not found X.+1\.56/)
  t.regex(summary[1]!, /NSO's error is 4\.60e-4, 5\.9 times less than that of one-sided noise \(2\.70e-3\)/)
  t.regex(summary[2]!, /0\.993 times that of X for NSO, and 4\.49 times/)
  const turned = viewOf(result({ oneSided: method(2.3e-4, 1e-4, 0.99, 1), gd: method(1e-5, 1e-5, 1, 1) })).summary
  t.regex(turned[0]!, /ends with an error of 1\.00e-5/)
  t.regex(turned[1]!, /2\.0 times more than/)
  t.regex(turned[2]!, /no flatter solution here/)
  t.regex(viewOf(result({ oneSided: method(4.5e-4, 1e-4, 0.99, 1) })).summary[1]!, /as much as that of one-sided/)
  t.regex(viewOf(result({ smoke: true })).summary[0]!, /smoke run/)
})

test('svg: logarithmic axes with superscripts, all methods, nothing from outside', async (t) => {
  await saveView(viewOf(result()), join(folder, 'a.svg'))
  const svg = await readFile(join(folder, 'a.svg'), 'utf8')
  for (const text of ['>GD<', '>one-sided<', '>NSO<', 'Size of the solution', '4.60e-4']) {
    t.true(svg.includes(text), text)
  }
  t.regex(svg, />10⁻[²⁴]</)
  t.notRegex(svg, /href=|url\(|NaN|undefined/)
})

test('html, csv and json hold every figure', async (t) => {
  await Promise.all(['b.html', 'b.csv', 'b.json'].map((name) => saveView(viewOf(result()), join(folder, name))))
  const [html, csv, json] = await Promise.all(
    ['b.html', 'b.csv', 'b.json'].map((name) => readFile(join(folder, name), 'utf8')),
  )
  t.is(html!.match(/<figure/g)?.length, 4)
  t.true(html!.includes('npm run matrix-sensing -- --seed 7'))
  t.notRegex(html!, /NaN|undefined|\[object/)
  t.is(csv!.split('\r\n').length, 1 + 3 * 101 + 1)
  t.deepEqual(JSON.parse(json!), result())
})

test('an error of 0 is left out of a logarithmic axis; an early end has its text', async (t) => {
  const exact = result()
  const curve = exact.gd!.curve.map((point) => ({ ...point, trainMse: 0 }))
  await saveView(viewOf({ ...exact, gd: { ...exact.gd!, trainMse: 0, curve } }), join(folder, 'c.svg'))
  t.notRegex(await readFile(join(folder, 'c.svg'), 'utf8'), /NaN|Infinity/)
  const { gd: _, oneSided: __, nso: ___, ...rest } = result({ complete: false })
  t.regex(viewOf(rest).summary[0]!, /before any method took a step/)
  t.regex(viewOf(result({ complete: false })).summary[0]!, /GD 5,000, one-sided 5,000, NSO 5,000/)
})
