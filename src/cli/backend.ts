import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ready, setBackend } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'

/** The tfjs backends the main job runs on, fastest first. */
export const backendNames = ['tfjs-node', 'wasm'] as const
/** A tfjs backend by the name users know. */
export type BackendName = (typeof backendNames)[number]

/** What a run goes on; `reason` says why the faster backend was passed over. */
export interface Chosen {
  readonly name: BackendName
  readonly reason?: string
}

const require = createRequire(import.meta.url)

/**
 * Decides on the backend asked for, or the fastest that is there. tfjs-node is then loaded; wasm is not, since it runs in
 * workers only and its loader takes over the handling of uncaught errors in whatever thread loads it.
 */
export async function chooseBackend(wanted?: BackendName): Promise<Chosen> {
  if (wanted === 'wasm') return { name: 'wasm' }
  try {
    await loadBackend('tfjs-node')
    return { name: 'tfjs-node' }
  } catch (cause) {
    if (!wanted)
      return {
        name: 'wasm',
        reason: 'tfjs-node is not built here (`npm run tfjs-node` builds it)',
      }
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0]!.trim() : String(cause)
    const advice = 'Run `npm run tfjs-node` to build it, or choose --backend wasm.'
    throw new SaltflatError('ERR_UNSUPPORTED', `tfjs-node cannot be loaded: ${reason} ${advice}`, { cause })
  }
}

/** Loads a backend and makes it the current one of this thread's tfjs. */
export async function loadBackend(name: BackendName): Promise<void> {
  if (name === 'wasm') {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist', '/'))
    return activate('wasm')
  }
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2' // errors only
  restoreOldUtil()
  require('@tensorflow/tfjs-node')
  return activate('tensorflow')
}

async function activate(name: string): Promise<void> {
  if (!(await setBackend(name))) throw new SaltflatError('ERR_UNSUPPORTED', `The tfjs backend ${name} did not start.`)
  await ready()
}

/** tfjs-node 4.22 calls two functions that Node 23 took out of `util`; nearly every operation fails without them. */
function restoreOldUtil(): void {
  const util = require('node:util') as Record<string, unknown>
  util.isNullOrUndefined ??= (value: unknown) => value == null
  util.isArray ??= Array.isArray
}
