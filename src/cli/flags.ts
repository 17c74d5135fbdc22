import { type ParseArgsConfig, parseArgs } from 'node:util'
import { unknownName } from '../checks.ts'
import { SaltflatError, shown } from '../errors.ts'

type Flags = NonNullable<ParseArgsConfig['options']>
type Values<T extends Flags> = ReturnType<typeof parseArgs<{ args: string[]; options: T }>>['values']

/** Reads a command line. Throws ERR_INVALID_ARGUMENT on an unknown flag or a missing value. */
export function readFlags<const T extends Flags>(argv: readonly string[], options: T): Values<T> {
  try {
    return parseArgs({ args: [...argv], options }).values
  } catch (cause) {
    const unknown = unknownFlag(cause)
    if (unknown !== undefined) {
      const known = Object.keys(options).map((name) => `--${name}`)
      throw unknownName(`only ${known.join(', ')}`, 'flag', unknown, known)
    }
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SaltflatError('ERR_INVALID_ARGUMENT', `${reason.replace(/\.?$/, '.')} Run with --help for the options.`, {
      cause,
    })
  }
}

/** The flag that Node says it does not know. */
function unknownFlag(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? /'(-[^']*)'/.exec(message)?.[1] : undefined
}

/** The value of a flag that is a whole number of at least `min`. */
export function wholeFlag(name: string, text: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected --${name} with a whole number ≥ ${min}, received ${shown(text)}.`,
  )
}
