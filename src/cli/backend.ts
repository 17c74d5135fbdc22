import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ready, setBackend } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import '../tfjs-node-shim.ts' // this process is ours; a user's program imports it by itself

/** The tfjs backends the main job runs on, fastest first. */
export const backendNames = ['tfjs-node', 'wasm'] as const
/** A tfjs backend by the name users know. */
export type BackendName = (typeof backendNames)[number]

/** What a run goes on; `reason` says why the faster backend was passed over. */
export interface Chosen {
  readonly name: BackendName
  /** The package that serves, without its scope: it is `tfjs-node-gpu` where that is what is installed. */
  readonly served: string
  readonly reason?: string
}

/** The packages behind the backend tfjs-node: who has installed the one for GPUs wants it. */
export const tfjsNodePackages = ['tfjs-node-gpu', 'tfjs-node'] as const

const require = createRequire(import.meta.url)

/**
 * Decides on the backend asked for, or the fastest that is there. tfjs-node is then loaded; wasm is not, since it runs in
 * workers only and its loader takes over the handling of uncaught errors in whatever thread loads it.
 */
export async function chooseBackend(wanted?: BackendName): Promise<Chosen> {
  if (wanted === 'wasm') return { name: 'wasm', served: 'wasm' }
  try {
    return { name: 'tfjs-node', served: await loadBackend('tfjs-node') }
  } catch (cause) {
    if (!wanted)
      return {
        name: 'wasm',
        served: 'wasm',
        reason: 'tfjs-node is not built here (`npm run tfjs-node` builds it)',
      }
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0]!.trim() : String(cause)
    const advice = 'Run `npm run tfjs-node` to build it, or choose --backend wasm.'
    throw new SaltflatError('ERR_UNSUPPORTED', `tfjs-node cannot be loaded: ${reason} ${advice}`, { cause })
  }
}

/** Loads a backend, makes it the current one of this thread's tfjs, and gives back the package that serves. */
export async function loadBackend(name: BackendName): Promise<string> {
  if (name === 'wasm') {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist', '/'))
    await activate('wasm')
    return name
  }
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2' // errors only
  const served = requireTfjsNode()
  await activate('tensorflow')
  return served
}

/** The first of the packages that loads; one may be installed without a binding that fits. */
function requireTfjsNode(): string {
  const errors: unknown[] = []
  for (const name of tfjsNodePackages) {
    try {
      require(`@tensorflow/${name}`)
      return name
    } catch (error) {
      const absent = (error as { code?: string }).code === 'MODULE_NOT_FOUND'
      if (!absent || name === 'tfjs-node') errors.push(error)
    }
  }
  throw errors[0]
}

async function activate(name: string): Promise<void> {
  if (!(await setBackend(name))) throw new SaltflatError('ERR_UNSUPPORTED', `The tfjs backend ${name} did not start.`)
  await ready()
}
