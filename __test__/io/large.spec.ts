import { constants } from 'node:buffer'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { allocated, hashed, readWhole } from '../../src/io/large.ts'
import { encodeSafetensors } from '../../src/io/safetensors.ts'

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))

test('what is hashed and read in portions is what is hashed and read at once', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'file')
  const expected = createHash('sha256').update(bytes).digest('hex')
  await writeFile(path, bytes)
  for (const step of [1, 7, 500, 999, 1000, 1001, undefined]) {
    t.is(hashed(createHash('sha256'), bytes, step).digest('hex'), expected)
    t.deepEqual(await readWhole(path, step), bytes)
  }
  await writeFile(path, '')
  t.is((await readWhole(path)).length, 0)
  await t.throwsAsync(readWhole(join(dir, 'none')), { code: 'ENOENT' })
})

test('more than a Buffer holds, or than there is memory, is a typed error', (t) => {
  t.is(allocated(8).length, 8)
  t.throws(() => allocated(constants.MAX_LENGTH + 1), {
    code: 'ERR_UNSUPPORTED',
    message: /^Expected .+, received .+\./,
  })
  // Nobody has a pebibyte.
  const code = constants.MAX_LENGTH < 2 ** 50 ? 'ERR_UNSUPPORTED' : 'ERR_OUT_OF_MEMORY'
  t.throws(() => allocated(2 ** 50), { code, message: /^Expected .+, received .+\./ })
  const tensor = { name: 'w', dtype: 'float32', shape: [2 ** 48], bytes: { length: 2 ** 50 } as Uint8Array } as const
  t.throws(() => encodeSafetensors([tensor], {}), { code })
})
