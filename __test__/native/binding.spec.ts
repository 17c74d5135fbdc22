import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import test from 'ava'
import { loadBinding, locate } from '../../src/native/index.ts'

const { Workspace, alignedArray, sample, selfTest } = loadBinding()
test('native memory lies on 64-byte boundaries and the self-test holds', (t) => {
  for (const length of [0, 1, 17, 5000]) t.is(alignedArray(length).length, length)
  t.true(selfTest().ok)
  t.deepEqual(
    sample(7, 'rademacher', 0, 3, 0, 1, 4096).filter((value) => Math.abs(value) !== 1),
    new Float32Array(0),
  )
})

const file = (locate() as { file: string }).file

test('the addon has what its types declare and nothing else: no faults on purpose', (t) => {
  const types = readFileSync(new URL('../../src/native/binding.d.ts', import.meta.url), 'utf8')
  const declared = [...types.matchAll(/^export declare (?:function|class) (\w+)/gm)].map(([, name]) => name)
  t.deepEqual(Object.keys(loadBinding()).toSorted(), declared.toSorted())
  t.false(readFileSync(file).includes('on purpose'))
})

test('memory that the system does not give is an error, and what was got before is given back', (t) => {
  const program = `
    const { Workspace, alignedArray, nativeBytes, sample } = require(${JSON.stringify(file)})
    const most = 2 ** 31 - 1
    const asked = [
      () => new Workspace([most], 'sgd', { sums: 0 }),
      () => new Workspace([2 ** 27], 'adam', { sums: 2 }),
      () => alignedArray(2 ** 31),
      () => sample(1, 'gaussian', 0, 0, 0, 0, most),
    ]
    const codes = asked.map((ask) => {
      try {
        return ask() && 'given'
      } catch ({ code }) {
        return code
      }
    })
    console.log(JSON.stringify([codes, nativeBytes()]))`
  if (process.platform !== 'linux') return t.pass('needs ulimit')
  // 3 GiB, of which Node takes one: W of the second, half a GiB, fits; all its five vectors do not.
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', 'ulimit -v 3145728; exec "$0" -e "$1"', process.execPath, program],
    {
      encoding: 'utf8',
    },
  )
  t.is(status, 0, stderr)
  t.deepEqual(JSON.parse(stdout), [Array(4).fill('ERR_OUT_OF_MEMORY'), 0])
})

test('workspaces that are dropped without dispose are collected, because V8 knows their size', async (t) => {
  const size = 5e6
  const values = new Float32Array(size)
  const before = process.memoryUsage().rss
  let highest = 0
  for (let i = 0; i < 60; i++) {
    const made = new Workspace([size], 'adam', { sums: 0 })
    // Zero pages that nobody touched would count for nothing.
    made.load([values])
    for (const moment of [0, 1]) made.setVector(`moment${moment}`, 0, values)
    highest = Math.max(highest, process.memoryUsage().rss)
    // Finalizers run between turns of the event loop.
    await new Promise(setImmediate)
  }
  const peak = Math.round((highest - before) / 1e6)
  t.true(peak < 1200, `${peak} MB at the peak of 60 workspaces of 60 MB, which are 3,600 MB`)
})
