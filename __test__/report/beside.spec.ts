import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { fromMatvec, save, trace } from '../../src/index.ts'

// Pictures of several results: what is compared must look comparable.

const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
test.after.always(() => rmSync(dir, { recursive: true, force: true }))

async function specOf(results: Parameters<typeof save>[0], name: string) {
  const path = join(dir, `${name}.vl.json`)
  await save(results, path)
  return JSON.parse(readFileSync(path, 'utf8'))
}

function traceOf(...names: string[]) {
  const blocks = names.map((name) => ({ name, size: 2 }))
  return trace({ ...fromMatvec(2 * names.length, (v) => v), blocks }, { probes: 2 })
}

test('layers that tfjs has counted on stand beside those of the first model', async (t) => {
  const first = await traceOf('dense_Dense1/kernel', 'dense_Dense1/bias')
  const second = await traceOf('dense_Dense2/kernel', 'dense_Dense2/bias')
  const { data } = await specOf({ first, second }, 'same')
  const layers = (values: { of: string; layer: string }[]) => values.map(({ of, layer }) => `${of} ${layer}`)
  t.deepEqual(layers(data.values), [
    ...['first dense_Dense1/kernel', 'first dense_Dense1/bias'],
    ...['second dense_Dense1/kernel', 'second dense_Dense1/bias'],
  ])
  const other = await specOf({ first, second: await traceOf('conv/kernel') }, 'other')
  t.true(layers(other.data.values).includes('second conv/kernel'))
})

test('maps have one scale of colours, and a note on grey only where there is some', async (t) => {
  const at = [-1, 0, 1]
  const axes = ['first', 'second'].map((name) => ({ name, at }))
  const plane = (height: number) => ({
    ...({ method: 'loss-slice', axes } as const),
    loss: at.flatMap((a) => at.map((b) => height * (1 + a * a + b * b))),
  })
  const { vconcat: maps } = await specOf({ low: plane(1), high: plane(2) }, 'maps')
  for (const { layer } of maps) t.deepEqual(layer[0].encoding.color.scale.domain, [1, 6])
  t.notRegex(JSON.stringify(maps), /not finite/)
  const broken = { ...plane(1), loss: [Number.NaN, ...plane(1).loss.slice(1)] }
  t.regex(JSON.stringify(await specOf(broken, 'broken')), /grey: not finite/)
})
