import { constants } from 'node:buffer'
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'
import {
  type CurvatureResult,
  decodeNpy,
  diagonal as diagonalOf,
  fromMatvec,
  loadResult,
  type SpectralDensity,
  save,
  spectralDensity,
  topEigenvalues,
  trace,
  traceOf,
} from '../../src/index.ts'
import { csvPieces } from '../../src/report/csv.ts'
import { curvatureView } from '../../src/report/curvature/view.ts'
import { toJson } from '../../src/report/json.ts'
import { type Format, saveView } from '../../src/report/save.ts'
import { viewOf } from '../../src/report/views.ts'
import { comparison } from './fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'saltflat-'))
test.after.always(() => rm(folder, { recursive: true }))

/** A diagonal operator with outliers, in two layers. */
function diagonal(scale: number) {
  const values = Float32Array.from({ length: 60 }, (_, i) => scale * (i < 4 ? 10 - i : Math.sin(i)))
  const blocks = ['a/kernel <&">', 'b/bias'].map((name) => ({ name, size: 30 }))
  return { ...fromMatvec(60, (v) => v.map((one, i) => values[i]! * one + scale * v[(i + 1) % 60]! * 0)), blocks }
}

const at = [-1, -0.5, 0, 0.5, 1]
const point = (sigma: number, mean: number) => ({
  ...{ sigma, mean, standardError: mean / 10, samples: 20, quadratic: mean * 1.1, quadraticError: mean / 20 },
})
const line = { method: 'loss-slice', axes: [{ name: 'first', at }], loss: at.map((s) => s * s), quadratic: at } as const
let density: SpectralDensity
/** One of each kind. */
let results: Record<keyof typeof shapes, CurvatureResult>
test.before(async () => {
  density = await spectralDensity(diagonal(1), { probes: 2, steps: 10, points: 200 })
  results = {
    density,
    trace: await trace(diagonal(1), { probes: 4 }),
    diagonal: await diagonalOf(diagonal(1), { probes: 4 }),
    exact: await diagonalOf(diagonal(1), { method: 'exact' }),
    top: await topEigenvalues(diagonal(1), { count: 3, vectors: true }),
    stability: { method: 'noise-stability', loss: 0.1, points: [point(0.01, 0.001), point(0.1, 0.1)] },
    line,
    plane: {
      ...{
        method: 'loss-slice',
        axes: [
          { name: 'first', at },
          { name: 'second', at },
        ],
      },
      loss: at.flatMap((s) => at.map((t) => (s * t === 1 ? Number.NaN : 1 + s * s + 3 * t * t))),
    },
  }
})
const shapes = {
  density: [200, 3],
  trace: [2, 2],
  diagonal: [60, 2],
  exact: [60, 2],
  top: [3, 2],
  stability: [2, 5],
  line: [5],
  plane: [5, 5],
}

async function saved(result: Parameters<typeof save>[0], name: string, format?: Format): Promise<Buffer> {
  await save(result, join(folder, 'made', name), format)
  return readFile(join(folder, 'made', name))
}

for (const name of Object.keys(shapes) as (keyof typeof shapes)[]) {
  test(`${name}: html and svg, alone and beside another`, async (t) => {
    const result = results[name]
    for (const [one, several] of [
      [result, ''],
      [{ Adam: result, 'N<&">': result }, '2'],
    ] as const) {
      const html = (await saved(one, `${name}${several}.html`)).toString()
      t.notRegex(html, /<script|<link|<img|src=|@import|url\((?!#)|href=|NaN|undefined|\[object|No pictures/)
      t.true(html.includes('<svg'))
      const svg = (await saved(one, `${name}${several}.svg`)).toString()
      t.is(svg.match(/<svg /g)?.length, svg.match(/<\/svg>/g)?.length)
      t.notRegex(svg, /NaN|undefined|\[object/)
      if (several) t.true(svg.includes('N&lt;&amp;&quot;&gt;') || svg.includes('N&lt;&amp;"&gt;'))
    }
  })

  test(`${name}: the specification alone draws in stock Vega-Lite without a warning`, async (t) => {
    const result = results[name]
    const spec = JSON.parse((await saved({ a: result, b: result }, `${name}.vl.json`)).toString())
    t.regex(spec.$schema, /vega-lite\/v6/)
    const said: unknown[] = []
    const logger = { warn: (...all: unknown[]) => said.push(all), error: (...all: unknown[]) => said.push(all) }
    const { warn, error } = console
    Object.assign(console, logger)
    try {
      const view = new View(parse(compile(spec).spec), { renderer: 'none' })
      t.regex(await view.toSVG(), /^<svg/)
      view.finalize()
    } finally {
      Object.assign(console, { warn, error })
    }
    t.deepEqual(said, [])
  })

  test(`${name}: json comes back as it was, npy has its shape`, async (t) => {
    const result = results[name]
    await saved(result, `${name}.json`)
    t.deepEqual(await loadResult(join(folder, 'made', `${name}.json`)), result)
    await saved({ a: result, b: result }, `${name}s.json`)
    t.deepEqual(await loadResult(join(folder, 'made', `${name}s.json`)), { a: result, b: result })
    const array = decodeNpy(await saved(result, `${name}.npy`))
    t.is(array.dtype, 'float64')
    t.deepEqual(array.shape, shapes[name])
  })

  test(`${name}: csv has rows under a header with units, all as long`, async (t) => {
    const result = results[name]
    const [head, ...rows] = (await saved({ a: result }, `${name}.csv`)).toString().trimEnd().split('\r\n')
    t.regex(head!, /^name,/)
    t.true(rows.length > 0)
    const commas = (row: string) => row.replace(/"(?:[^"]|"")*"/g, '').split(',').length
    for (const row of rows) t.is(commas(row), commas(head!))
    t.false((await saved(result, `${name}1.csv`)).toString().startsWith('name'))
  })
}

test('an eigenvalue that one point of a coarse grid has seen is a peak that is drawn down to the floor', async (t) => {
  const narrow = await spectralDensity(diagonal(1), { probes: 2, steps: 10, points: 400, width: 1e-6 })
  const spec = JSON.parse((await saved(narrow, 'narrow.vl.json')).toString())
  const find = (part: unknown): { x: number; y: number | null }[][] =>
    typeof part !== 'object' || part === null
      ? []
      : Object.entries(part).flatMap(([key, value]) =>
          key === 'values' && Array.isArray(value) && value[0]?.y !== undefined ? [value] : find(value),
        )
  const [points] = find(spec)
  const ys = points!.map(({ y }) => y)
  const peaks = ys.filter((y, i) => y !== null && ys[i - 1] === ys[i + 1] && y > ys[i + 1]!)
  t.true(peaks.length > 3, String(peaks.length))
  for (const [i, y] of ys.entries()) if (y !== null) t.true(ys[i - 1] != null || ys[i + 1] != null, String(i))
})

test('vectors longer than a piece come back from json to the bit, and from csv', async (t) => {
  const length = 25_001
  const values = Float32Array.from({ length }, (_, i) =>
    i % 1000 === 7 ? [Number.NaN, Infinity][i % 2]! : Math.sin(i),
  )
  const long = { ...results.diagonal, values, standardErrors: values.map((one) => one * one) } as CurvatureResult
  const text = (await saved({ a: long, 'b"[': long }, 'long.json')).toString()
  t.deepEqual(await loadResult(join(folder, 'made', 'long.json')), { a: long, 'b"[': long })
  t.is(JSON.parse(text).results.a.values.length, length)
  const lines = (await saved(long, 'long.csv')).toString().split('\r\n')
  t.is(lines.length, length + 2)
  t.deepEqual(lines.slice(-2), [`25000,${values[25_000]},${Math.fround(values[25_000]! ** 2)}`, ''])
})

test('no piece holds a whole result, so that no string is too long', (t) => {
  const values = Float32Array.from({ length: 100_000 }, (_, i) => Math.cos(i))
  const long = { ...results.diagonal, values, standardErrors: values } as CurvatureResult
  const view = curvatureView([{ name: '', result: long }])
  for (const pieces of [toJson(view), csvPieces(view.rows)]) {
    const lengths = Array.from(pieces, ({ length }) => length)
    t.true(lengths.length > 9 && Math.max(...lengths) < 1e6, String(Math.max(...lengths)))
  }
})

test('a file that no string holds is refused, and what to do is said', async (t) => {
  const path = join(folder, 'vast.json')
  await writeFile(path, '')
  // Without a block on the disk.
  await truncate(path, constants.MAX_STRING_LENGTH + 1)
  await t.throwsAsync(loadResult(path), { code: 'ERR_UNSUPPORTED', message: /\.npy/ })
})

test('png: two spectra', async (t) => {
  const png = await saved({ Adam: density, NSO: density }, 'spectra.png')
  t.is(png.toString('hex', 0, 8), '89504e470d0a1a0a')
  t.true(png.readUInt32BE(16) > 1500)
})

test('an infinite standard error, and values that are not finite, survive json', async (t) => {
  const single = await spectralDensity(diagonal(1), { probes: 1, steps: 5, points: 10 })
  t.is(single.moments[0]!.standardError, Number.POSITIVE_INFINITY)
  await saved(single, 'single.json')
  t.deepEqual(await loadResult(join(folder, 'made', 'single.json')), single)
  for (const format of ['html', 'svg'] as const) t.notRegex(`${await saved(single, 'single', format)}`, /NaN|Infinity/)
})

test('a file that is none of ours, or damaged, is refused', async (t) => {
  for (const [i, text] of [
    ...['', '{', 'null', '[]', '{"format":"saltflat.curvature","version":2}'],
    '{"format":"saltflat.curvature","version":1,"result":{"method":"lanczos"}}',
  ].entries()) {
    await writeFile(join(folder, `bad-${i}.json`), text)
    await t.throwsAsync(loadResult(join(folder, `bad-${i}.json`)), { code: 'ERR_STATE' })
  }
  await t.throwsAsync(loadResult(join(folder, 'absent.json')), { code: 'ERR_INVALID_ARGUMENT', message: /ENOENT/ })
})

test('what is nearly right gets a suggestion', async (t) => {
  const refused = async (result: unknown, path: string, message: RegExp, format?: string) =>
    t.throwsAsync(save(result as CurvatureResult, path, format as Format), { code: 'ERR_INVALID_ARGUMENT', message })
  await refused(density, 'x.htm', /Did you mean '\.html'\?/)
  await refused(density, 'x.pngg', /Did you mean '\.png'\?/)
  await refused(density, 'x.png', /Did you mean '\.csv'\?/, 'cvs')
  await refused({ ...density, method: 'lanczos-quadratur' }, 'x.png', /Did you mean the method 'lanczos-quadrature'\?/)
  await refused(await traceOf(diagonal(1), Math.abs, { probes: 2, steps: 3 }), 'x.json', /'lanczos-quadrature-trace'/)
  await refused({ a: results.diagonal, b: results.trace }, 'x.png', /'hutchinson-diagonal' and 'hutchinson'/)
  await refused({ a: density, b: results.trace }, 'x.png', /of one kind.*a file of its own/)
  await refused({ a: density, b: density }, 'x.npy', /one result.*received.*a file of its own/s)
  await refused({ ...density, grid: [] }, 'x.png', /values in 'grid'/)
  await refused({ method: 'lanczos', values: [1], residuals: [null], converged: [true] }, 'x.png', /a result of/)
  await refused(Promise.resolve(density), 'x.png', /Await it/)
  await t.throwsAsync(saveView(viewOf(comparison()), join(folder, 'x.npy')), { code: 'ERR_INVALID_ARGUMENT' })
})

test('a file is replaced as a whole, and a place that cannot be written to leaves nothing', async (t) => {
  const place = join(folder, 'whole')
  await save(density, join(place, 'x.json'))
  const before = await readFile(join(place, 'x.json'))
  await save(results.trace, join(place, 'x.json'))
  t.notDeepEqual(await readFile(join(place, 'x.json')), before)
  t.deepEqual(await readdir(place), ['x.json'])
  await mkdir(join(place, 'y.json'))
  await writeFile(join(folder, 'file'), '')
  for (const path of [join(place, 'y.json'), join(folder, 'file', 'x.json')]) {
    await t.throwsAsync(save(density, path), { code: 'ERR_INVALID_ARGUMENT', message: /E[A-Z]{3,}/ })
  }
  t.deepEqual((await readdir(place)).toSorted(), ['x.json', 'y.json'])
})

test('the page shows in a browser without a word on its console', async (t) => {
  const run = promisify(execFile)
  const names = [process.env.SALTFLAT_CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome']
  const found = await Promise.all(
    names.map((name) =>
      name
        ? run(name, ['--version']).then(
            () => name,
            () => undefined,
          )
        : undefined,
    ),
  )
  const browser = found.find((name) => name !== undefined)
  if (browser === undefined) {
    console.warn(
      'SKIPPED: pages in a browser, which needs chromium (apt install chromium, or name one in SALTFLAT_CHROMIUM)',
    )
    t.pass()
    return
  }
  await saved({ Adam: density, NSO: density }, 'page.html')
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr', '--window-size=1200,1200']
  const profile = `--user-data-dir=${join(folder, 'profile')}`
  const page = `file://${join(folder, 'made', 'page.html')}`
  const { stdout, stderr } = await run(browser, [...flags, profile, '--dump-dom', page], { maxBuffer: 2 ** 26 })
  t.regex(stdout, /<svg/)
  t.deepEqual(
    stderr.split('\n').filter((one) => /CONSOLE/.test(one)),
    [],
  )
})
