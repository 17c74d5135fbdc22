import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Waits until garbage, and what its finalizers free, is gone. */
export async function collected(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Resident bytes after that. */
export async function resident(): Promise<number> {
  await collected()
  return process.memoryUsage().rss
}
