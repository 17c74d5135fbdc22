import { createRequire } from 'node:module'
import { type ErrorCode, SaltflatError } from '../errors.ts'

export type { Hyperparameters, Workspace } from './binding.d.ts'
let b: typeof import('./binding.d.ts') | undefined
export function loadBinding(): typeof import('./binding.d.ts') {
  b ??= createRequire(import.meta.url)('../../build/Release/saltflat.node') as typeof import('./binding.d.ts')
  return b
}
export function fromNative(error: unknown): SaltflatError {
  if (error instanceof SaltflatError) return error
  const { code, message } = error as { code?: string; message?: string }
  return new SaltflatError((code?.startsWith('ERR_') ? code : 'ERR_PANIC') as ErrorCode, message ?? String(error), { cause: error })
}
