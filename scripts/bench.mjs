// npm run bench [-- NAME…] [--json FILE] [--save] [--quick]: how fast saltflat is, and beside whom; see bench/README.md.
import { ensure } from './ensure.mjs'
import { follow } from './follow.mjs'
import { main, Stop } from './run.mjs'
import { install, isInstalled } from './tfjs-binding.mjs'

await main(async () => {
  const flags = process.argv.slice(2)
  await ensure()
  if (!flags.includes('--quick') && !flags.includes('--help') && !isInstalled()) build()
  return follow(['--import=@oxc-node/core/register', 'bench/main.ts', ...flags])
})

/** Where TensorFlow's binding cannot be built, its contestants are left out, and the result says so. */
function build() {
  try {
    install()
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    console.error(error.message)
  }
}
