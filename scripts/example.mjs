// npm run example -- NAME [flags]: one file of examples/, after what it needs is there.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensure } from './ensure.mjs'
import { follow } from './follow.mjs'
import { main, root, Stop } from './run.mjs'

const folder = join(root, 'examples')

await main(async () => {
  const [name, ...flags] = process.argv.slice(2)
  if (!name || !existsSync(join(folder, `${name}.ts`))) throw new Stop(usage(name))
  await ensure()
  return follow(['--import=@oxc-node/core/register', `examples/${name}.ts`, ...flags])
})

function usage(name) {
  const names = readdirSync(folder).flatMap((file) => (file.endsWith('.ts') ? [`  ${file.slice(0, -3)}`] : []))
  const found = name ? `There is no example called ${name}.` : 'Which example?'
  return [`${found} Usage: npm run example -- NAME [flags], where NAME is one of`, ...names].join('\n')
}
