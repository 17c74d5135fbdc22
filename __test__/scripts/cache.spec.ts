import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
// @ts-expect-error: a script without types
import { whole } from '../../scripts/cache.mjs'

function inside(body: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'saltflat-cache-'))
  try {
    body(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}
const write = (folder: string, text: string) => writeFileSync(join(folder, 'file'), text)

test('the process that is first makes the folder, and the other is content', (t) => {
  const { renameSync } = fs
  inside((root) => {
    const folder = join(root, 'tool')
    // The other process wins at the last moment.
    fs.renameSync = (from, to) => {
      mkdirSync(folder)
      write(folder, 'first')
      renameSync(from, to)
    }
    syncBuiltinESMExports()
    try {
      whole(folder, (mine: string) => write(mine, 'second'))
    } finally {
      fs.renameSync = renameSync
      syncBuiltinESMExports()
    }
    t.is(readFileSync(join(folder, 'file'), 'utf8'), 'first')
    t.deepEqual(readdirSync(root), ['tool'])
  })
})

test('one that fails leaves nothing, and says why', (t) => {
  inside((root) => {
    const fail = () => {
      throw new Error('mine')
    }
    t.throws(() => whole(join(root, 'tool'), fail), { message: 'mine' })
    t.deepEqual(readdirSync(root), [])
  })
})

test('an abandoned folder that is gone before it is looked at disturbs nobody', (t) => {
  inside((root) => {
    // Listed, and nothing is there.
    symlinkSync(join(root, 'nowhere'), join(root, 'tool-abc123'))
    whole(join(root, 'tool'), (mine: string) => write(mine, 'made'))
    t.true(existsSync(join(root, 'tool', 'file')))
  })
})
