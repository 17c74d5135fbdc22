import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { crc32c } from '../../src/io/crc32c.ts'
import { EventFile } from '../../src/io/event-file.ts'
import { scalarValue, summaryEvent } from '../../src/io/summary.ts'

test('CRC-32C has the check values of RFC 3720, appendix B.4', (t) => {
  const vectors: [Uint8Array, number][] = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [Buffer.from('123456789'), 0xe3069283],
  ]
  for (const [bytes, expected] of vectors) t.is(crc32c(bytes), expected)
})

test('files come one after the other, also within a second and when the clock goes back', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const paths: string[] = []
  for (const now of [1e12, 1e12 + 1, 5e11]) paths.push((await EventFile.create(dir, now)).path)
  t.deepEqual(paths.toSorted(), paths)
  t.is(new Set(paths).size, 3)
})

test("events have the bytes that TensorBoard's own writer gives", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const oracle = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'oracle', 'event-file.json'), 'utf8'))
  const file = await EventFile.create(dir, 1.5e12)
  await file.append([summaryEvent({ seconds: 1.5e9 + 0.25, step: 300 }, [scalarValue('epoch/loss', 0.1)])])
  await file.append([
    summaryEvent({ seconds: 1.5e9 + 0.5, step: 2 ** 40 }, [scalarValue('a', -2), scalarValue('b', 1e30)]),
  ])
  t.is(readFileSync(file.path).toString('hex'), oracle.hex)
})
