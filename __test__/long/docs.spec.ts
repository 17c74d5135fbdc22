import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { root } from '../helpers/markdown.ts'

test('the API reference is made, and everything public is in it with a comment', (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/docs.mjs'], { cwd: root, encoding: 'utf8' })
  t.is(status, 0, `${stdout}${stderr}`)
  for (const page of [
    'index.html',
    'functions/nso.html',
    'classes/SaltflatError.html',
    'interfaces/NoiseOptions.html',
  ]) {
    t.true(existsSync(join(root, 'docs', 'api', page)), page)
  }
})
