import {
  type FileHandle,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { encodeCheckpoint } from '../../src/io/checkpoint-file.ts'
import { addCheckpoint, newestCheckpoint } from '../../src/io/checkpoint-folder.ts'

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const file = (epoch: number) =>
  encodeCheckpoint({ epoch, batch: 0, optimizer: { className: 'A', config: {} }, trained: [], weights: [], state: [] })
const named = (number: number) => `checkpoint-${String(number).padStart(6, '0')}.safetensors`
const numbersIn = async (dir: string) => (await readdir(dir)).map((name) => Number(/\d+/.exec(name)![0])).sort()
const epochIn = async (dir: string) => (await newestCheckpoint(dir))!.content.epoch

test.serial('damaged files do not count as kept, whether they were seen before or not', async (t) => {
  for (const looked of [true, false]) {
    const dir = await folder(t)
    await writeFile(join(dir, named(1)), file(1))
    await writeFile(join(dir, named(2)), file(2))
    await writeFile(join(dir, named(3)), file(3).subarray(1))
    if (looked) t.is(await epochIn(dir), 2)
    await addCheckpoint(dir, file(4), 2)
    t.deepEqual(await numbersIn(dir), [2, 3, 4])
    // So when the newest is damaged too, there is one to go back to.
    await writeFile(join(dir, named(4)), 'damaged')
    t.is(await epochIn(dir), 2)
    await addCheckpoint(dir, file(5), 2)
    await addCheckpoint(dir, file(6), 2)
    t.deepEqual(await numbersIn(dir), [5, 6])
  }
})

test.serial(
  'what reaches the disk, in order: the file, its folder, and the folders above it that are new',
  async (t) => {
    if (process.platform !== 'linux') return t.pass('SKIPPED: only Linux says what a handle is of')
    const root = await realpath(await folder(t))
    const dir = join(root, 'a', 'b')
    const synced: string[] = []
    const probe = await open(root)
    const handles = Object.getPrototypeOf(probe) as FileHandle
    await probe.close()
    const { sync } = handles
    handles.sync = async function (this: FileHandle) {
      const path = await readlink(`/proc/self/fd/${this.fd}`)
      const whole = (await readdir(dir)).filter((name) => name.endsWith('.safetensors')).length
      synced.push(path.endsWith('.tmp') ? `${dirname(path)} with ${whole} whole` : path)
      await sync.call(this)
    }
    t.teardown(() => {
      handles.sync = sync
    })
    await addCheckpoint(dir, file(1), 2)
    t.deepEqual(synced, [`${dir} with 0 whole`, dir, join(root, 'a'), root])
    await addCheckpoint(dir, file(2), 2)
    t.deepEqual(synced.slice(4), [`${dir} with 1 whole`, dir])
  },
)

test.serial('temporary files are those of other processes, unless they are old', async (t) => {
  const dir = await folder(t)
  const [theirs, left] = ['checkpoint-1-aa.tmp', 'checkpoint-2-bb.tmp']
  for (const name of [theirs, left, 'mine.tmp']) await writeFile(join(dir, name), 'half a file')
  const past = new Date(Date.now() - 2 * 60 * 60 * 1000)
  for (const name of [left, 'mine.tmp']) await utimes(join(dir, name), past, past)
  await addCheckpoint(dir, file(1), 1)
  t.deepEqual((await readdir(dir)).sort(), [named(1), theirs, 'mine.tmp'])
})

test.serial('writers of one folder at the same time: each file has a number of its own and is whole', async (t) => {
  const dir = await folder(t)
  const epochs = Array.from({ length: 20 }, (_, i) => i + 1)
  const paths = await Promise.all(epochs.map((epoch) => addCheckpoint(dir, file(epoch), 100)))
  t.deepEqual(
    paths.sort(),
    epochs.map((number) => join(dir, named(number))),
  )
  const found = await Promise.all(paths.map(async (path) => (await readFile(path)).toString('hex')))
  t.deepEqual(found.sort(), epochs.map((epoch) => file(epoch).toString('hex')).sort())
})

test.serial('a reader beside a writer that keeps one file always finds one', async (t) => {
  const dir = await folder(t)
  await addCheckpoint(dir, file(1), 1)
  let done = false
  const writer = (async () => {
    for (let epoch = 2; epoch < 60; epoch++) await addCheckpoint(dir, file(epoch), 1)
    done = true
  })()
  const readers = Array.from({ length: 4 }, async () => {
    let last = 1
    while (!done) {
      const epoch = await epochIn(dir)
      t.true(epoch >= last)
      last = epoch
    }
  })
  await Promise.all([writer, ...readers])
  t.is(await epochIn(dir), 59)
})

test.serial('files by other names are not ours; numbers may outgrow their six digits', async (t) => {
  const dir = await folder(t)
  const others = [
    'checkpoint-7.safetensors',
    'checkpoint-0000008.safetensors',
    `checkpoint-${'9'.repeat(20)}.safetensors`,
  ]
  for (const name of others) await writeFile(join(dir, name), file(7))
  t.is(await newestCheckpoint(dir), null)
  await writeFile(join(dir, named(999_999)), file(1))
  t.is(await addCheckpoint(dir, file(2), 1), join(dir, named(1_000_000)))
  t.deepEqual((await readdir(dir)).sort(), [...others, named(1_000_000)].sort())
})

test.serial('a folder that cannot be brought to the disk is no failure, a broken disk is', async (t) => {
  const dir = await folder(t)
  const handle = await open(dir)
  const prototype = Object.getPrototypeOf(handle)
  await handle.close()
  const { sync } = prototype
  t.teardown(() => {
    prototype.sync = sync
  })
  const failing = (code: string) => {
    prototype.sync = async function (this: typeof handle) {
      if ((await this.stat()).isDirectory()) throw Object.assign(new Error(code), { code })
      return sync.call(this)
    }
  }
  if (process.platform === 'win32') return t.pass() // Nothing is asked of it there.
  for (const code of ['EINVAL', 'ENOTSUP', 'EISDIR', 'EPERM']) {
    failing(code)
    await addCheckpoint(dir, file(1), 1)
    t.is(await epochIn(dir), 1)
  }
  failing('EIO')
  await t.throwsAsync(addCheckpoint(dir, file(2), 1), { code: 'EIO' })
})
