// npm run tfjs-node: the real tfjs-node binding, built here; see tfjs-binding.mjs. `--check` changes nothing.
import { ensureDependencies } from './ensure.mjs'
import { main } from './run.mjs'
import { install, isInstalled } from './tfjs-binding.mjs'

await main(async () => {
  if (!process.argv.includes('--check')) {
    await ensureDependencies()
    return install()
  }
  const installed = isInstalled()
  console.log(installed ? 'tfjs-node: the binding is there' : 'tfjs-node: no binding. `npm run tfjs-node` builds it.')
  return installed ? 0 : 1
})
