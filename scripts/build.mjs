// npm run build: the native addon (release) and TypeScript into dist/. `--ts` builds only the latter.
import { ensureDependencies } from './ensure.mjs'
import { buildNative, buildTypeScript } from './products.mjs'
import { main } from './run.mjs'

await main(async () => {
  await ensureDependencies()
  if (!process.argv.includes('--ts')) buildNative()
  buildTypeScript()
})
