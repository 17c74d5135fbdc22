import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { root, textOf } from '../../helpers/markdown.ts'

const loader = '--import=@oxc-node/core/register'
const names = readdirSync(join(root, 'examples')).map((file) => file.replace(/\.ts$/, ''))

for (const name of names) {
  test.serial(`examples/${name}.ts runs, and says first what to expect`, async (t) => {
    const head = textOf(`examples/${name}.ts`).split('\nimport ')[0]!
    t.true(head.split('\n').every((line) => line.startsWith('// ')))
    t.true(head.includes('// Expected: '))
    t.true(head.includes(`npm run example -- ${name}`))
    // By the command one of them, and as it stands the others, which takes less time.
    const program = name === names[0] ? ['scripts/example.mjs', name] : [loader, `examples/${name}.ts`]
    const { error, stdout } = await run(...program, '--smoke')
    t.is(error, null)
    t.not(stdout, '')
  })
}

test('a name that is none lists those that are', async (t) => {
  const { error, stderr } = await run('scripts/example.mjs', 'none')
  t.truthy(error)
  for (const name of names) t.true(stderr.includes(name), name)
})

function run(...args: string[]): Promise<{ error: Error | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => resolve({ error, stdout, stderr }))
  })
}
