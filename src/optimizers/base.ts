import { Optimizer as TfOptimizer } from '@tensorflow/tfjs-core'
import type { Hyperparameters } from '../native/index.ts'
import { at, invalid, knownKeys, number, schedule } from '../options.ts'
import type { Schedule } from '../types.ts'

/** Options of a base optimizer, all given. */
export type BaseOptions = Record<string, unknown>

/** A base optimizer of the native core: one line in `bases`. */
export interface BaseKind {
  readonly name: string
  /** Every option with its default. */
  readonly defaults: BaseOptions
  /** Bounds: `[min, max]`; max exclusive for decays. */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>
  /** The native core's hyperparameters from the options, learning rate and step aside. */
  native(options: Record<string, number>): Partial<Hyperparameters>
}

const unit = [0, 1] as const
const positive = [0, Infinity] as const
const betas = { beta1: unit, beta2: unit, epsilon: positive, weightDecay: positive }

/** THE table of base optimizers. */
export const bases: Readonly<Record<string, BaseKind>> = Object.fromEntries(
  (
    [
      { name: 'sgd', defaults: { learningRate: 0.01 }, ranges: {}, native: () => ({}) },
      {
        name: 'momentum',
        defaults: { learningRate: 0.01, momentum: 0.9 },
        ranges: { momentum: unit },
        native: ({ momentum }) => ({ beta1: momentum! }),
      },
      {
        name: 'adam',
        defaults: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        ranges: betas,
        native: (options) => options,
      },
      {
        name: 'adamw',
        defaults: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
        ranges: betas,
        native: (options) => options,
      },
    ] satisfies BaseKind[]
  ).map((kind) => [kind.name, kind]),
)

/** A base optimizer with its options: ours, by name, or a stock tfjs optimizer that gets the mean gradient. */
export type Base =
  | { readonly kind: BaseKind; readonly options: BaseOptions; readonly foreign: null }
  | { readonly kind: null; readonly options: BaseOptions; readonly foreign: TfOptimizer }

/** Checks the options of one of our base optimizers and fills in the defaults. */
export function base(name: string, options: object): Base {
  const kind = bases[name]
  if (kind === undefined) throw invalid(`${Object.keys(bases).join(', ')} for the base optimizer`, name)
  knownKeys(`the options of ${name}`, options, Object.keys(kind.defaults))
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const all = { ...kind.defaults, ...Object.fromEntries(given) }
  schedule('learningRate', all.learningRate, { min: 0 })
  for (const [key, [min, max]] of Object.entries(kind.ranges)) {
    if (!(key in all)) continue
    const value = number(key, all[key], { min })
    if (value >= max) throw invalid(`${key} < ${max}`, value)
    // The core computes in f32: 0 there makes 0/0 of a weight without gradients.
    if (key === 'epsilon' && Math.fround(value) === 0) throw invalid('epsilon > 1e-45', value)
  }
  return { kind, options: all, foreign: null }
}

/** A stock tfjs optimizer as a base. */
export function foreign(optimizer: unknown): Base {
  // tfjs's own instanceof reads properties, and so throws on null.
  if (optimizer == null || !(optimizer instanceof TfOptimizer)) {
    throw invalid('a base optimizer such as adam() or tf.train.adam(0.001)', optimizer)
  }
  return { kind: null, options: {}, foreign: optimizer }
}

/** This step's hyperparameters for the native core. */
export function hyperparameters({ kind, options }: Base, step: number): Hyperparameters {
  const none = { learningRate: 0, beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0, step: step + 1 }
  if (kind === null) return none
  const learningRate = at('learningRate', options.learningRate as Schedule, step, { min: 0 })
  return { ...none, ...kind.native(options as Record<string, number>), learningRate, step: step + 1 }
}
