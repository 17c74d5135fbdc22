import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { SaltflatError } from '../../src/errors.ts'
import { explain, system } from '../../src/native/explain.ts'
import { fromNative, loadBinding, locate, packageRoot } from '../../src/native/index.ts'

const root = mkdtempSync(join(tmpdir(), 'saltflat-load-'))
mkdirSync(join(root, 'prebuilds', 'darwin-arm64'), { recursive: true })
test.after.always(() => rmSync(root, { recursive: true }))

test('the addon is found from src/ and loaded once', (t) => {
  t.true('file' in locate())
  t.is(loadBinding(), loadBinding())
  t.true(packageRoot().length > 0)
})

test('no binary for this platform: says where it looked, and how to build one', (t) => {
  const error = explain(undefined, new Error('No native build was found'), root)
  t.is(error.code, 'ERR_NO_BINARY')
  t.true(error.message.includes(system()))
  t.regex(error.message, /has only darwin-arm64/)
  t.regex(error.message, /1\. Build it here: `npx saltflat build`/)
  t.is((error.cause as Error).message, 'No native build was found')
})

test('too old a C library is named, with the version that is needed', (t) => {
  const cause = new Error("/lib/libc.so.6: version `GLIBC_2.34' not found (required by saltflat.node)")
  const error = explain(join(root, 'prebuilds', 'linux-x64', 'saltflat.glibc.node'), cause, root)
  t.regex(error.message, /1\. Use a system with glibc 2\.34 or newer/)
  t.regex(error.message, /2\. Build it here/)
})

test('a damaged local build may be rebuilt, or deleted in favour of the prebuilt one', (t) => {
  const error = explain(join(root, 'build', 'Release', 'saltflat.node'), new Error('file too short'), root)
  t.regex(error.message, /Tried build.Release.saltflat\.node: file too short/)
  t.regex(error.message, /delete the folder build/)
})

test('errors of the core keep their code and their cause; anything else is a bug', (t) => {
  const ours = Object.assign(new Error('Expected 3 elements, received 2.'), { code: 'ERR_SHAPE' })
  t.is(fromNative(ours).code, 'ERR_SHAPE')
  t.is(fromNative(ours).message, ours.message)
  t.is(fromNative(ours).cause, ours)
  const panic = Object.assign(new Error('index out of bounds'), { code: 'GenericFailure' })
  t.is(fromNative(panic).code, 'ERR_PANIC')
  t.regex(fromNative(panic).message, /index out of bounds.*please report/)
  t.is(fromNative('text').code, 'ERR_PANIC')
  const none = t.throws(() => new Float32Array(2 ** 52), { instanceOf: RangeError })
  t.is(fromNative(none).code, 'ERR_PANIC', 'a wrong length is a bug')
  t.is(fromNative(new RangeError('Array buffer allocation failed')).code, 'ERR_OUT_OF_MEMORY')
  const same = new SaltflatError('ERR_LOSS', 'as it was')
  t.is(fromNative(same), same)
})
