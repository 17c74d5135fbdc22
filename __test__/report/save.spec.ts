import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import test from 'ava'
import { saveView } from '../../src/report/save.ts'
import { viewOf } from '../../src/report/views.ts'
import { comparison } from './fixture.ts'

const folder = await mkdtemp(join(tmpdir(), 'saltflat-'))
test.after.always(() => rm(folder, { recursive: true }))

/** Saves the fixture under a new path and reads it back. */
async function saved(name: string): Promise<Buffer> {
  const path = join(folder, 'made', 'on', 'demand', name)
  await saveView(viewOf(comparison()), path)
  return readFile(path)
}

/** Different pixel values among the decoded scan lines of a PNG: a blank picture has next to none. */
function variety(png: Buffer): number {
  const data: Buffer[] = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
  }
  return new Set(inflateSync(Buffer.concat(data))).size
}

test('png: magic bytes, a sensible size, not blank', async (t) => {
  const png = await saved('report.png')
  t.is(png.toString('hex', 0, 8), '89504e470d0a1a0a')
  t.true(png.readUInt32BE(16) > 1500 && png.readUInt32BE(20) > 1500)
  t.true(variety(png) > 100)
})

test('svg: well-formed at a glance, all text, all methods, nothing from outside', async (t) => {
  const svg = (await saved('report.svg')).toString()
  t.regex(svg, /^<svg [^>]*viewBox=/)
  t.is(svg.match(/<svg /g)?.length, svg.match(/<\/svg>/g)?.length)
  for (const text of ['Accuracy on clean test images', 'Flatness', '>NSO<', '>SAM<', '>Adam<'])
    t.true(svg.includes(text), text)
  t.notRegex(svg, /href=|url\(|NaN|undefined/)
})

test('html: one file that loads nothing, with findings, table, pictures and escaped text', async (t) => {
  const html = (await saved('report.html')).toString()
  t.regex(html, /^<!doctype html>/)
  t.notRegex(html, /<script|<link|<img|src=|@import|url\(|href=/)
  const addresses = new Set(html.match(/https?:\/\/[^\s"'<)]+/g))
  t.deepEqual(
    [...addresses].filter((address) => !address.startsWith('http://www.w3.org/')),
    [],
  ) // namespaces only
  t.is(html.match(/<figure/g)?.length, 4)
  t.is(html.match(/<svg/g)?.length, 4)
  t.true(html.includes('digits &lt;&quot;&amp;&quot;&gt;'))
  t.true(html.includes('76.8\u00a0%'))
  t.true(html.includes('npm start -- --seed 7'))
  t.notRegex(html, /NaN|undefined|\[object/)
})

test('json: comes back as it was', async (t) => {
  const text = (await saved('report.json')).toString()
  t.deepEqual(JSON.parse(text), comparison())
  t.true(text.endsWith('}\n'))
})

test('csv: a header and a row for every measurement, full precision', async (t) => {
  const lines = (await saved('report.csv')).toString().split('\r\n')
  t.is(lines[0], 'method,gradients,accuracy,trainLoss,testLoss')
  t.is(lines.length, 1 + 3 * 4 + 1)
  t.is(lines[4], `adam,1200,55.4,0.575,${2.3 - 55.4 / 50}`)
})

test('the extension decides, in any case, unless a format is named', async (t) => {
  await saveView(viewOf(comparison()), join(folder, 'A.JSON'))
  await saveView(viewOf(comparison()), join(folder, 'figures'), 'json')
  t.deepEqual(await readFile(join(folder, 'A.JSON')), await readFile(join(folder, 'figures')))
  for (const path of ['x.pdf', 'x', '', 'x.constructor']) {
    const message = path === '' ? /^Expected a path/ : /\.html, \.svg, \.png, \.json, \.csv/
    await t.throwsAsync(saveView(viewOf(comparison()), path), { code: 'ERR_INVALID_ARGUMENT', message })
  }
})

test('a Plottable of any making can be saved', async (t) => {
  const { charts: _, ...rest } = viewOf(comparison())
  await saveView({ ...rest, title: 'Other', charts: [] }, join(folder, 'other.svg'))
  t.true((await readFile(join(folder, 'other.svg'))).includes('Other'))
})

test('a partial result without any method still has its text', async (t) => {
  const nothing = comparison({ complete: false, methods: {} })
  await saveView(viewOf(nothing), join(folder, 'partial.html'))
  t.true((await readFile(join(folder, 'partial.html'))).includes('before any method took a step'))
  t.true((await readdir(folder)).includes('partial.html'))
})
