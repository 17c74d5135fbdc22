// npm run tfjs-node: the real tfjs-node binding, built here; see tfjs-binding.mjs. `--check` changes nothing; `--gpu` means
// @tensorflow/tfjs-node-gpu instead, against the CPU library.
import { ensureDependencies } from './ensure.mjs'
import { main } from './run.mjs'
import { install, isInstalled } from './tfjs-binding.mjs'

const gpu = process.argv.includes('--gpu')
const name = gpu ? 'tfjs-node-gpu' : 'tfjs-node'

await main(async () => {
  if (!process.argv.includes('--check')) {
    await ensureDependencies()
    return install(name)
  }
  const installed = isInstalled(name)
  const command = `npm run tfjs-node${gpu ? ' -- --gpu' : ''}`
  console.log(installed ? `${name}: the binding is there` : `${name}: no binding. \`${command}\` builds it.`)
  return installed ? 0 : 1
})
