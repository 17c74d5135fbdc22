/** Every reason saltflat refuses something, as a stable string to branch on. */
export type ErrorCode =
  | 'ERR_INVALID_ARGUMENT' // a value of the wrong type or outside its range
  | 'ERR_DTYPE' // a tensor or array of another element type
  | 'ERR_SHAPE' // sizes that do not fit each other
  | 'ERR_EMPTY' // nothing to train: no variables, or no elements
  | 'ERR_NOT_FINITE' // NaN or Infinity in a loss, a gradient or a weight
  | 'ERR_LOSS' // the loss, or a gradient function, threw or is not what it must be
  | 'ERR_NO_GRADIENT' // the loss depends on none of the variables
  | 'ERR_DISPOSED' // use after dispose
  | 'ERR_OVERLAP' // two arguments share memory that one of them writes
  | 'ERR_DETACHED' // a typed array whose buffer was transferred away
  | 'ERR_SHARED' // a typed array over a SharedArrayBuffer
  | 'ERR_STATE' // a saved state that does not fit, or a call out of order
  | 'ERR_UNSUPPORTED' // something this backend or model kind cannot do
  | 'ERR_NO_BINARY' // the native addon is missing or cannot be loaded
  | 'ERR_OUT_OF_MEMORY' // an allocation failed
  | 'ERR_NO_DEVICE' // there is no GPU to compute on
  | 'ERR_CUDA' // the GPU, or its driver, failed
  | 'ERR_BASE' // a wrapped stock optimizer threw
  | 'ERR_ABORTED' // an AbortSignal fired, or the loss threw an abort
  | 'ERR_PANIC' // a bug in saltflat, caught; Node goes on

/** What saltflat throws: `code` is stable, `message` says what was expected, what came and what to do. */
export class SaltflatError extends Error {
  /** Always 'SaltflatError'. */
  override readonly name = 'SaltflatError'
  /** The reason, to branch on; docs/errors.md has a section on each. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A value for an error message: short, typed, never a dump. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 60))}`
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') {
    const name: unknown = value.constructor?.name
    return `an instance of ${typeof name === 'string' ? name : 'Object'}`
  }
  return `a ${typeof value}`
}

/** What somebody threw, for an error message: anything can be thrown, and not everything has a text. */
export function said(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return shown(thrown)
  }
}
