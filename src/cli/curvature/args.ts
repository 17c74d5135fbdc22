import { unknownName } from '../../checks.ts'
import { SaltflatError, shown } from '../../errors.ts'
import { readFlags, wholeFlag } from '../flags.ts'

/** The commands that measure a saved model. */
export const commandNames = ['spectrum', 'trace', 'top'] as const
export type CommandName = (typeof commandNames)[number]

/** The backends that a model may be measured on, fastest first. */
export const backendNames = ['tfjs-node', 'wasm', 'cpu'] as const
export type BackendName = (typeof backendNames)[number]

const losses = [
  ...['categoricalCrossentropy', 'sparseCategoricalCrossentropy', 'binaryCrossentropy', 'meanSquaredError'],
  ...['meanAbsoluteError', 'meanAbsolutePercentageError', 'meanSquaredLogarithmicError', 'squaredHinge', 'hinge'],
  ...['categoricalHinge', 'logcosh', 'kullbackLeiblerDivergence', 'poisson', 'cosineProximity'],
]
/** Which eigenvalues `top` finds. */
export const kinds = ['largest', 'smallest', 'both', 'magnitude'] as const
/** How products with the Hessian are taken. */
export const methods = ['exact', 'difference'] as const

/** What was asked for. */
export interface Arguments {
  readonly help: boolean
  /** The model.json. */
  readonly model: string
  /** A .npy file for each input of the model, and for each output. */
  readonly data: readonly string[]
  readonly labels: readonly string[]
  readonly loss: string
  readonly batchSize: number
  readonly examples: number | null
  readonly scale: number
  readonly method: (typeof methods)[number]
  /** How far 'difference' moves the weights; undefined: as `hessian` does. */
  readonly step: number | undefined
  readonly probes: number
  readonly steps: number | null
  readonly count: number
  readonly which: (typeof kinds)[number]
  readonly seed: number
  readonly backend: BackendName | undefined
  readonly layers: RegExp | undefined
  readonly out: string | undefined
  /** File that the run is kept in, to go on after a kill. */
  readonly checkpoint: string | undefined
  readonly json: boolean
}

/** Reads a command line. Throws ERR_INVALID_ARGUMENT. */
export function parseArguments(command: CommandName, argv: readonly string[]): Arguments {
  const text = { type: 'string' } as const
  const some = { type: 'string', multiple: true, default: [] as string[] } as const
  const common = {
    help: { type: 'boolean', short: 'h', default: false },
    json: { type: 'boolean', default: false },
    ...{ model: text, data: some, labels: some, loss: text, layers: text, backend: text, examples: text, out: text },
    ...{ method: text, step: text, checkpoint: text },
    'batch-size': { type: 'string', default: '256' },
    scale: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
  } as const
  const probes = { probes: { type: 'string', default: command === 'trace' ? '32' : '4' } } as const
  const values = readFlags(argv, {
    ...common,
    ...(command === 'top' ? { count: text, which: text } : probes),
    ...(command !== 'trace' && { steps: text }),
  }) as Values
  const { help, json, layers, out, checkpoint } = values
  const method = oneOfFlag('method', values.method, methods) ?? 'exact'
  return {
    ...{ help, json, method, checkpoint, layers: layers === undefined ? undefined : expression(layers) },
    model: help ? '' : needed('model', values.model),
    data: help ? [] : neededFiles('data', values.data),
    labels: help ? [] : neededFiles('labels', values.labels),
    loss: help ? '' : lossFlag(values.loss),
    batchSize: wholeFlag('batch-size', values['batch-size'], 1),
    examples: values.examples === undefined ? null : wholeFlag('examples', values.examples, 1),
    scale: scaleFlag(values.scale),
    step: stepFlag(values.step, method),
    probes: wholeFlag('probes', values.probes ?? '4', command === 'trace' ? 2 : 1),
    steps: values.steps === undefined ? null : wholeFlag('steps', values.steps, 2),
    count: wholeFlag('count', values.count ?? '5', 1),
    which: oneOfFlag('which', values.which, kinds) ?? 'largest',
    seed: wholeFlag('seed', values.seed, 0),
    backend: oneOfFlag('backend', values.backend, backendNames),
    out: out ?? (command === 'spectrum' ? 'spectrum.html' : undefined),
  }
}

interface Values {
  readonly help: boolean
  readonly json: boolean
  readonly data: string[]
  readonly labels: string[]
  readonly 'batch-size': string
  readonly scale: string
  readonly seed: string
  readonly model?: string
  readonly loss?: string
  readonly layers?: string
  readonly backend?: string
  readonly examples?: string
  readonly method?: string
  readonly step?: string
  readonly out?: string
  readonly checkpoint?: string
  readonly probes?: string
  readonly steps?: string
  readonly count?: string
  readonly which?: string
}

function needed(name: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value
  throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected --${name}, received none. Run with --help for the options.`)
}

function neededFiles(name: string, values: readonly string[]): readonly string[] {
  needed(name, values[0])
  const other = values.find((file) => !/\.npy$/i.test(file))
  if (other === undefined) return values
  throw new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected a .npy file for --${name}, received ${shown(other)}. In Python: numpy.save('x.npy', x).`,
  )
}

function lossFlag(value: string | undefined): string {
  const name = needed('loss', value)
  if (!losses.includes(name)) throw unknownName(`--loss with one of ${losses.join(', ')}`, 'loss', name, losses)
  return name
}

function oneOfFlag<T extends string>(name: string, value: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find((one) => one === value)
  if (value === undefined || found !== undefined) return found
  throw unknownName(`--${name} ${known.join(' or ')}`, name, value, known)
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (cause) {
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected a regular expression for --layers, received ${shown(text)}.`,
      { cause },
    )
  }
}

function stepFlag(text: string | undefined, method: Arguments['method']): number | undefined {
  if (text === undefined) return undefined
  if (method !== 'difference') {
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      'Expected --step with --method difference only, received it without.',
    )
  }
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected --step with a number > 0, received ${shown(text)}.`)
}

/** A number, or a fraction of two. */
function scaleFlag(text: string): number {
  const [above, below = 1, ...rest] = text.split('/').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  const value = above! / below
  if (rest.length === 0 && Number.isFinite(value) && value !== 0) return value
  throw new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected --scale with a number or a fraction, such as 1/255, received ${shown(text)}.`,
  )
}
