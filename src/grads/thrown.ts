import { SaltflatError, said } from '../errors.ts'

/**
 * What a function of the user's threw in the middle of a step, typed: ours as it is, an abort (what `throwIfAborted` of an
 * AbortSignal throws by default) as ERR_ABORTED, anything else as ERR_LOSS.
 */
export function thrown(what: string, cause: unknown): SaltflatError {
  if (cause instanceof SaltflatError) return cause
  const name = cause instanceof Error ? cause.name : ''
  if (name === 'AbortError' || name === 'TimeoutError') {
    return new SaltflatError('ERR_ABORTED', `${what} was aborted, and its step changed nothing: ${said(cause)}`, {
      cause,
    })
  }
  return new SaltflatError('ERR_LOSS', `${what} threw: ${said(cause)}`, { cause })
}
