import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import * as api from '../../src/index.ts'

const folder = new URL('.', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.test-d.ts'))
const texts = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')

test('every public function has a test of its types, and every type test has something to refuse', (t) => {
  const missing = Object.keys(api).filter((name) => !new RegExp(`\\b${name}\\b[^,]`).test(texts))
  t.deepEqual(missing, [], 'add a line to a file of __test__/types')
  for (const name of files) t.regex(readFileSync(new URL(name, folder), 'utf8'), /@ts-expect-error \w/, name)
})
