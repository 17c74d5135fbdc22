import { backend, ready, setBackend } from '@tensorflow/tfjs-core'
import { SaltflatError, said } from '../../errors.ts'
import { loadBackend } from '../backend.ts'
import { type BackendName, backendNames } from './args.ts'

const packages = { 'tfjs-node': 'tfjs-node', wasm: 'tfjs-backend-wasm', cpu: 'tfjs-backend-cpu' } as const

/** Loads the backend asked for, or the fastest that is there, and gives the package that serves. */
export async function chooseBackend(wanted: BackendName | undefined): Promise<string> {
  const reasons: string[] = []
  for (const name of wanted === undefined ? backendNames : [wanted]) {
    try {
      return name === 'cpu' ? await loadCpu() : await loadBackend(name)
    } catch (error) {
      reasons.push(`${name}: ${said(error).split('\n', 1)[0]!.replace(/\.$/, '')}`)
    }
  }
  const [what, advice] =
    wanted === undefined
      ? ['a backend of tfjs, received none that loads', 'Install one']
      : ['a backend that loads, received one that does not', 'Leave --backend out, or install it']
  throw new SaltflatError(
    'ERR_UNSUPPORTED',
    `Expected ${what}: ${reasons.join('; ')}. ${advice}: npm install @tensorflow/${packages[wanted ?? 'wasm']}.`,
  )
}

async function loadCpu(): Promise<string> {
  await import('@tensorflow/tfjs-backend-cpu')
  if (!(await setBackend('cpu'))) throw new SaltflatError('ERR_UNSUPPORTED', 'The tfjs backend cpu did not start.')
  await ready()
  // At its first use it prints five lines that advertise another backend.
  Object.assign(backend(), { firstUse: false })
  return 'cpu'
}
