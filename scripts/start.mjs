// npm start: the main job, after what it needs is there. Flags after `--` go to the job.
import { ensure } from './ensure.mjs'
import { follow } from './follow.mjs'
import { main } from './run.mjs'

await main(async () => {
  await ensure()
  return follow(['dist/cli/main.js', ...process.argv.slice(2)])
})
