// npm run matrix-sensing: a matrix from few measurements by three methods, after what it needs is there; flags after `--`
// go to it. TensorFlow makes it several times faster than wasm, so its binding is built too where it is missing.
import { ensure } from './ensure.mjs'
import { follow } from './follow.mjs'
import { main, Stop } from './run.mjs'
import { install, isInstalled } from './tfjs-binding.mjs'

await main(async () => {
  await ensure()
  if (!isInstalled() && !process.argv.includes('--help')) tryInstall()
  return follow(['dist/cli/matrix-sensing/main.js', ...process.argv.slice(2)])
})

/** Without the binding it runs too, on wasm, and says so. */
function tryInstall() {
  try {
    install()
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    console.error(`tfjs-node: not built. ${error.message}`)
  }
}
