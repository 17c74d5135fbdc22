import { type ErrorCode, SaltflatError, said } from '../errors.ts'

/** Every code; a Record, so that a code added to one list and forgotten in the other does not compile. */
export const codes: Record<ErrorCode, true> = {
  ERR_INVALID_ARGUMENT: true,
  ERR_DTYPE: true,
  ERR_SHAPE: true,
  ERR_EMPTY: true,
  ERR_NOT_FINITE: true,
  ERR_LOSS: true,
  ERR_NO_GRADIENT: true,
  ERR_DISPOSED: true,
  ERR_OVERLAP: true,
  ERR_DETACHED: true,
  ERR_SHARED: true,
  ERR_STATE: true,
  ERR_UNSUPPORTED: true,
  ERR_NO_BINARY: true,
  ERR_OUT_OF_MEMORY: true,
  ERR_NO_DEVICE: true,
  ERR_CUDA: true,
  ERR_BASE: true,
  ERR_ABORTED: true,
  ERR_PANIC: true,
}

/** What Node-API itself says before our code runs, in our words. */
const refusals: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ...Object.fromEntries(
    ['InvalidArg', 'NumberExpected', 'StringExpected', 'BooleanExpected', 'ObjectExpected', 'ArrayExpected'].map(
      (code) => [code, ['ERR_INVALID_ARGUMENT', 'Expected arguments of the types that the addon declares'] as const],
    ),
  ),
  ERR_BUFFER_TOO_LARGE: ['ERR_OUT_OF_MEMORY', 'Expected memory that Node can address in one piece'],
}

/**
 * What the addon threw, as a `SaltflatError` whose `cause` is the original. A code that is not ours (napi says
 * `GenericFailure` for a panic it caught) becomes `ERR_PANIC`.
 */
export function fromNative(error: unknown): SaltflatError {
  if (error instanceof SaltflatError) return error
  const { code, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: '', message: said(error) }
  if (code && Object.hasOwn(codes, code)) return new SaltflatError(code as ErrorCode, message, { cause: error })
  // V8 says so where it cannot make a typed array.
  if (error instanceof RangeError && /allocation failed/i.test(message)) {
    return new SaltflatError('ERR_OUT_OF_MEMORY', `Could not allocate an array: ${message}.`, { cause: error })
  }
  const refusal = code && Object.hasOwn(refusals, code) ? refusals[code] : undefined
  if (refusal !== undefined) {
    return new SaltflatError(refusal[0], `${refusal[1]}, received others: ${message}.`, { cause: error })
  }
  const bug = `saltflat failed where it should not: ${message} This is a bug, please report it.`
  return new SaltflatError('ERR_PANIC', bug, { cause: error })
}

/** What `f` gives; what it throws as a `SaltflatError`. */
export function typed<T>(f: () => T): T {
  try {
    return f()
  } catch (error) {
    throw fromNative(error)
  }
}
